//! Keys without a TTL: data that would stay in Redis forever.

use crate::redis_server::RedisServer;

const SCRIPT: &str = "local keys = redis.call('KEYS', '*') local found = {} \
    for _, key in ipairs(keys) do if redis.call('PTTL', key) == -1 then found[#found + 1] = key end end \
    return found";

/// All keys of a server that have no TTL.
pub(crate) fn keys_without_ttl(redis: &RedisServer) -> Vec<String> {
    redis.command(&["EVAL", SCRIPT, "0"]).expect("an answer")
}
