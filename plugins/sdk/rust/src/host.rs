//! The functions of the contract that the host offers: in a component the host's own, natively those of the stand-in
//! that a test fills. The two have the same modules and signatures, and the rest of this crate calls only these.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::{http, log, mark, output, settings, sql};
#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::contract::{http, log, mark, output, settings, sql};
