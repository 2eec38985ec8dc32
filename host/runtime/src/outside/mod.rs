//! Outbound access: how a loader reaches the network, and which directories it may not reach. Grants are enforced here,
//! for every language and every version of the contract: nothing in this folder knows of WebAssembly.

pub(crate) mod directories;
pub(crate) mod http;
pub(crate) mod load_secrets;
mod scrub;
pub(crate) mod secret;
#[cfg_attr(
    not(all(feature = "postgres", feature = "mysql", feature = "sqlite")),
    allow(
        dead_code,
        unreachable_code,
        unused_imports,
        unused_variables,
        reason = "each kind of database uses some of it"
    )
)]
pub(crate) mod sql;
