//! The store contract, on the Redis store.

#[path = "support/redis_server.rs"]
mod redis_server;
mod store_contract;

use std::sync::Arc;

use kiwi_store::{self, Store};
use redis_server::RedisServer;
use store_contract::Place;

impl Place for RedisServer {
    fn open(&self) -> Arc<dyn Store> {
        kiwi_store::open(&self.url().parse().unwrap()).unwrap()
    }
}

store_contract!(RedisServer::start());
