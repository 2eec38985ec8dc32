//! End-to-end tests: the real command, real loaders, a real redis-server for each test, and readers
//! as services use them. `cargo xtask test` builds what they need; with `-- --nocapture` they print
//! their measurements.

mod acceptance;
mod connections;
#[path = "../databases/mod.rs"]
mod databases;
mod databases_page;
mod deploy;
mod embed;
mod flush;
mod full_disks;
mod killed_hosts;
mod kiwi_cache;
mod lifecycle;
mod metrics;
mod migrating;
mod paged_api;
mod publish;
mod publish_page;
mod read_through;
mod readme;
mod redis_page;
#[path = "../../host/store/tests/support/redis_server.rs"]
mod redis_server;
mod refusals;
mod secrets;
mod sources_page;
mod stalls;
mod status;
mod support;
mod torn_reads;
mod unreachable_redis;
mod wheel;
