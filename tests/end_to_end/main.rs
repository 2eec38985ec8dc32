//! The whole system: the real command, real loaders, a real redis-server for each test, and readers
//! as a service has them. `cargo xtask test` builds what they need; with `-- --nocapture` they print
//! what they measured.

mod flush;
mod killed_hosts;
#[path = "../../host/cache/tests/support/redis_server.rs"]
mod redis_server;
mod stalls;
mod support;
mod torn_reads;
