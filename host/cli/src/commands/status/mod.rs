//! `kiwi-host status`: what state each cache is in, and why.

mod command;
mod condition;
mod explain;
mod listing;
mod problem;
mod published;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use command::run;
