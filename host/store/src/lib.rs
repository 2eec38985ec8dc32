//! Where kiwi-host's snapshots live: the store protocol, and the two stores behind it.
//!
//! A store keeps, for each cache, the data (key -> JSON text), the head that describes it, and the
//! lease that lets one host at a time refill it. What it promises, on both sides of a crash:
//!
//! - A reader sees all of one snapshot, or all of another. Nothing in between is ever visible.
//! - A snapshot is replaced only by a commit of the host that holds the lease.
//! - Data, head and everything staged have a TTL at every moment, save what is published forever.
//! - All times are the store's own; the hosts' clocks do not matter.
//!
//! A [`Store`] has four roles: [`Reading`], [`Publishing`], [`Hints`] and [`Administration`]. Services
//! do not use this crate directly: they read through `kiwi-cache`.

mod administration;
mod batch;
mod delta;
mod embedded;
mod error;
mod head;
mod hints;
mod id;
mod layout;
mod name;
mod publishing;
mod reading;
mod record_text;
mod redis;
mod root;
mod store;
mod ttl;
mod url;

pub use administration::{Administration, Finding};
pub use batch::Batch;
pub use delta::Delta;
pub use embedded::Embedded;
pub use error::{Error, ErrorKind};
pub use head::{Foreign, Head, LastError, LeaseState, Presence, Status};
pub use hints::{Asks, Hints};
pub use id::{Id, Token};
pub use layout::{Layout, RecordKey};
pub use name::Name;
pub use publishing::{Begin, Commit, Content, Due, Lease, Publish, Publishing};
pub use reading::{Changes, Chunk, Cursor, Reading, SEEN_FOR, Scan};
pub use redis::{Redis, RedisOptions};
pub use root::Root;
pub use store::{Store, open};
pub use ttl::Ttl;
pub use url::StoreUrl;

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
