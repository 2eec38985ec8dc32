//! Snapshots in Redis: what is written where, and how the promises of the [crate](crate) are kept there.
//!
//! Whatever must happen in one step is a Lua script (`scripts/*.lua`) or a MULTI. All keys of a cache have
//! one hash tag, and every key has a TTL, save those of a cache that is kept forever.

mod administration;
mod commit;
mod connection;
mod digest;
mod error;
mod findings;
#[cfg(test)]
mod fuzz;
mod handshake;
mod hash;
mod hints;
mod keys;
mod listener;
mod log;
mod meta;
mod options;
mod peek;
mod presence;
mod publishing;
mod pushed;
mod read;
mod reading;
mod record;
mod repack;
mod reply;
mod script;
#[cfg(test)]
mod scripted_peer;
mod segments;
mod server;
mod shared_connection;
mod staging;
mod store;
mod stream;
mod transaction;
mod verdict;
mod verified;
mod whole;

pub use options::RedisOptions;
pub use store::Redis;
