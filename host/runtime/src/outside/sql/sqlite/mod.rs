//! SQLite: a file that is opened to be read, on a thread of its own.

mod connect;
mod failure;
mod query;
mod serve;

pub(super) use connect::connect;
