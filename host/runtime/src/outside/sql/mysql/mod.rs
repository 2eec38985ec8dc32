//! MySQL and MariaDB: one transaction that only reads, and rows in binary form.

mod connect;
mod failure;
mod query;
mod serve;
mod value;

pub(super) use connect::connect;
