//! The `kiwi-host` command as people and scripts meet it: a process of its own, on real stores.

mod configuration;
mod help;
mod looking;
#[path = "../../../store/tests/support/redis_server.rs"]
mod redis_server;
mod refilling;
mod running;
mod support;
