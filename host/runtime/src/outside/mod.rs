//! Outbound access: how a loader reaches the network. Grants are enforced here, for every language and every version of
//! the contract: nothing in this folder knows of WebAssembly.

pub(crate) mod http;
