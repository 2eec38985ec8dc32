//! The `kiwi-host` command, run as a separate process on real stores. Its output is compared with snapshots.

mod checking;
mod compiling;
mod configuration;
mod fixing;
mod help;
mod publishing;
mod reading;
#[path = "../../../store/tests/support/redis_server.rs"]
mod redis_server;
mod refilling;
mod running;
mod secrets;
mod shipped;
mod support;
