//! kiwi.toml: from text to plain, checked values.

mod cache;
mod connections;
mod document;
mod file;
#[cfg(test)]
mod fuzz;
mod keys;
#[cfg(test)]
mod page;
mod published;
mod search;
mod section;
mod select;
mod statsd;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use cache::Defaults;
pub(crate) use document::Problems;
pub(crate) use file::Config;
pub(crate) use keys::is_grant_kind;
pub(crate) use select::select;
pub(crate) use statsd::Statsd;
