//! Keys without a TTL: data that would outlive everybody who cares for it.

use crate::redis_server::RedisServer;

const IMMORTAL: &str = "local keys = redis.call('KEYS', '*') local immortal = {} \
    for _, key in ipairs(keys) do if redis.call('PTTL', key) == -1 then immortal[#immortal + 1] = key end end \
    return immortal";

/// All keys of a server that have no TTL.
pub(crate) fn immortal(redis: &RedisServer) -> Vec<String> {
    redis.command(&["EVAL", IMMORTAL, "0"]).expect("an answer")
}
