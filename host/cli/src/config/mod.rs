//! kiwi.toml: from text to plain, checked values.

mod cache;
mod connections;
#[cfg(test)]
mod credential_tests;
mod credentials;
mod document;
mod file;
#[cfg(test)]
mod fuzz;
mod http;
mod keys;
#[cfg(test)]
mod page;
mod published;
mod search;
mod secret;
mod section;
mod select;
mod statsd;
mod store;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use cache::Defaults;
pub(crate) use document::Problems;
pub(crate) use file::Config;
pub(crate) use keys::is_grant_kind;
pub(crate) use select::select;
pub(crate) use statsd::Statsd;
