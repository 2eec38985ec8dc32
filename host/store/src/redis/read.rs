//! Reads in one step, also on a server whose memory is full.

use redis::{Cmd, RedisError, RedisResult, Value};

use super::keys::Keys;
use super::meta::{HEAD, LAYOUT, PLACE};
use super::script::READ;
use super::server::{Lane, Server};
use super::store::Redis;
use super::transaction::Transaction;
use crate::{Name, Result};

impl Server {
    /// Runs reading commands in one round trip, those of each transaction in one step.
    pub(super) async fn read(
        &self,
        reads: impl Iterator<Item = (Keys, Transaction)>,
        lane: Lane,
    ) -> RedisResult<Vec<RedisResult<Vec<Value>>>> {
        let (keys, reads): (Vec<Keys>, Vec<Transaction>) = reads.unzip();
        let mut replies = self.transactions_on(lane, &reads).await?;
        for (reply, (keys, read)) in replies.iter_mut().zip(keys.iter().zip(&reads)) {
            if reply.as_ref().is_err_and(is_out_of_memory) {
                let words = serde_json::to_string(&read.words()).expect("texts are JSON");
                // The script names the record itself: a reader may not have the right to write it, which declaring it takes.
                let keys = Keys { record: None, ..keys.clone() };
                *reply = self.run_on(lane, &READ.call(&keys, "").arg("commands", words)).await;
            }
        }
        Ok(replies)
    }
}

impl Redis {
    /// The fields `HEAD`, `LAYOUT` and `PLACE` of meta, and what else is read of a cache, in one step.
    pub(super) async fn read_with_meta(
        &self,
        cache: &Name,
        keys: &Keys,
        reads: impl IntoIterator<Item = Cmd>,
        lane: Lane,
    ) -> Result<Vec<Value>> {
        let mut meta = redis::cmd("HMGET");
        meta.arg(&keys.meta).arg(&HEAD).arg(&LAYOUT).arg(&PLACE);
        let reads = Transaction::of([meta]).with(reads);
        let replies = self.server.read(std::iter::once((keys.clone(), reads)), lane).await;
        let replies: RedisResult<Vec<_>> = replies.and_then(|replies| replies.into_iter().collect());
        let replies = replies.map_err(|error| self.server.explain(error).of(cache))?;
        Ok(replies.into_iter().flatten().collect())
    }
}

fn is_out_of_memory(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}
