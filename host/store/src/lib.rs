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
//!
//! Features: `redis`, `tls` (Redis over TLS) and `embedded`, all on by default; `testing` is for tests, and
//! not stable.

#![cfg_attr(
    not(any(feature = "redis", feature = "embedded")),
    allow(dead_code, unused_imports, unused_variables, reason = "only a store uses these")
)]

mod administration;
mod announced;
mod batch;
#[cfg(feature = "redis")]
mod chunk;
mod delta;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod filesystem;
#[cfg(feature = "redis")]
mod frame;
mod head;
mod hints;
mod holder;
mod hosts;
mod id;
mod layout;
mod lease;
mod leb128;
#[cfg(feature = "redis")]
mod merged;
mod name;
mod open;
#[cfg(feature = "redis")]
mod packer;
mod parse_name;
mod partition;
mod publish;
mod publishing;
mod push;
mod reading;
#[cfg(feature = "redis")]
mod record_text;
#[cfg(feature = "redis")]
mod redis;
mod root;
#[cfg(feature = "redis")]
mod staged;
mod status;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod topics;
mod ttl;
mod url;
mod whole;

pub use administration::{Administration, Finding};
pub use announced::{Announced, Answer};
pub use batch::Batch;
pub use delta::Delta;
#[cfg(feature = "embedded")]
pub use embedded::Embedded;
pub use error::{Error, ErrorKind, Result};
pub use filesystem::network_filesystem;
pub use head::Head;
pub use hints::{Asks, Hint, Hints, Pushed, Subscription};
pub use holder::{DefinitionId, Holder};
pub use hosts::{HostReport, HostState, REPORT_INTERVAL, Trouble};
pub use id::{Id, Token};
pub use layout::{Layout, RecordKey};
pub use lease::{Begin, Due, Lease};
pub use name::Name;
pub use open::open;
pub use partition::{PARTITIONS, partition_of};
pub use publish::{CommitError, Committed, Content, NotCommitted, Publish};
pub use publishing::Publishing;
pub use push::Push;
pub use reading::{Changes, LookUp, Reading, SEEN_FOR};
#[cfg(feature = "redis")]
pub use redis::{Redis, RedisOptions};
pub use root::Root;
pub use status::{Failing, Foreign, HashState, LastError, LeaseState, Presence, Status};
pub use store::Store;
pub use ttl::Ttl;
pub use url::StoreUrl;
pub use whole::{Part, Whole};
