//! kiwi-host.
mod config;
fn main() {}
