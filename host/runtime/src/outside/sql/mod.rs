//! How a loader reaches databases: by the name of a connection, with one SELECT at a time, and only to read.
//!
//! Each connection is held by a task of its own (`postgres`, `mysql`, `sqlite`), which writes rows as JSON while the
//! loader works on those before. A [`Session`] asks it. When the session is dropped, for whatever reason, the task
//! ends what the server still does for it.

mod databases;
mod datetime;
mod dialect;
mod emit;
mod json;
#[cfg(feature = "mysql")]
mod mysql;
mod param;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod target;

pub(crate) use databases::Databases;
pub use databases::try_connection;
pub(crate) use param::Param;
pub(crate) use session::{Query, Session, SqlLimits};
pub(crate) use target::identity;
