//! Version 0.1 of the contract, as guests see it: the bindings, and what each of its functions does.

mod bindings;
mod emit;
mod errors;
mod http;
pub(super) mod imports;
pub(super) mod loader;
