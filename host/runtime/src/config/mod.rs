//! What an operator says of a cache, as plain values: no file format, no loader, no I/O.

pub(crate) mod auth;
pub(crate) mod compilation;
pub(crate) mod connection;
pub(crate) mod file_grants;
pub(crate) mod grants;
pub(crate) mod guards;
pub(crate) mod http_grant;
pub(crate) mod http_options;
pub(crate) mod limits;
pub(crate) mod secret_grant;
pub(crate) mod secret_source;
pub(crate) mod settings;
pub(crate) mod text;
pub(crate) mod timing;
