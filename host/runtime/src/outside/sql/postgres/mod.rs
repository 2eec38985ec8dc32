//! PostgreSQL: one transaction that only reads, and rows in binary form.

mod address;
mod cancel;
mod connect;
mod failure;
mod hosts;
mod kind;
mod numeric;
mod query;
mod serve;
mod stream;
mod value;

pub(super) use connect::connect;
