//! A kiwi.toml with one cache.

use super::guest;
use crate::redis_server::RedisServer;

/// One cache, `numbers`, whose entries all change with each load; `more` is the rest of its table.
pub(crate) fn numbers(redis: &RedisServer, entries: u32, more: &str) -> String {
    numbers_in(&redis.url(), entries, more)
}

/// The same in any store.
pub(crate) fn numbers_in(store: &str, entries: u32, more: &str) -> String {
    let plugin = guest("counter");
    format!(
        "store = {store:?}\n[cache.numbers]\nplugin = {plugin:?}\nsettings = {{ entries = {entries}, value_bytes = 20 }}\n\
         {more}\n"
    )
}
