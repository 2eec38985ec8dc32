//! The hints: readers that find nothing publish on the channel of a cache, and hosts subscribe to it.

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::RedisResult;
use redis::aio::PubSubStream;

use super::keys::cache_of_ask;
use super::store::Redis;
use crate::{Asks, Hints, Name, Result};

/// How many channels one SUBSCRIBE names.
const CHANNELS: usize = 500;

#[async_trait]
impl Hints for Redis {
    async fn ask(&self, cache: &Name) -> Result<()> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.keys(cache).ask).arg("");
        self.command(cache, publish).await.map(drop)
    }

    async fn asks(&self, caches: &[Name]) -> Result<Asks> {
        let channels: Vec<String> = caches.iter().map(|cache| self.keys(cache).ask).collect();
        let messages = self.subscribe(&channels).await.map_err(|error| self.server.explain(error))?;
        let prefix = self.server.options.key_prefix().to_owned();
        Ok(Asks::new(messages.filter_map(move |message| {
            let cache = cache_of_ask(&prefix, message.get_channel_name());
            async { cache }
        })))
    }
}

impl Redis {
    /// By their names, and not by one pattern: a user who may use channels that begin with our prefix may not
    /// therefore use a pattern that does.
    async fn subscribe(&self, channels: &[String]) -> RedisResult<PubSubStream> {
        let mut connection = self.server.open_pub_sub().await?;
        for channels in channels.chunks(CHANNELS) {
            connection.subscribe(channels).await?;
        }
        Ok(connection.into_on_message())
    }
}
