//! The hints: readers that find nothing publish on one channel of a cache, and hosts subscribe to it; commits are
//! announced on another one, and readers subscribe to that.

use async_trait::async_trait;
use futures_util::StreamExt;
use redis::aio::PubSubStream;
use redis::{RedisResult, Value};

use super::keys::cache_of_ask;
use super::listener::Listener;
use super::reply::number;
use super::store::Redis;
use crate::{Asks, Hints, Name, Result, Subscription};

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
        let messages = self.subscribe_to(&channels).await.map_err(|error| self.server.explain(error))?;
        let prefix = self.server.options.key_prefix().to_owned();
        Ok(Asks::new(messages.filter_map(move |message| {
            let cache = cache_of_ask(&prefix, message.get_channel_name());
            async { cache }
        })))
    }

    async fn subscribe(&self, cache: &Name) -> Result<Subscription> {
        let listener = Listener::of(&self.server.options).map_err(|error| error.of(cache))?;
        Ok(listener.subscribe(self.keys(cache).channel))
    }

    async fn subscribers(&self, cache: &Name) -> Result<u64> {
        let mut count = redis::cmd("PUBSUB");
        count.arg("NUMSUB").arg(self.keys(cache).channel);
        match &self.command(cache, count).await? {
            // The channel, and how many.
            Value::Array(counted) => Ok(counted.last().and_then(number).unwrap_or(1).max(1)),
            other => Err(self.unexpected_reply(cache, std::slice::from_ref(other))),
        }
    }
}

impl Redis {
    /// By their names, and not by one pattern: a user who may use channels that begin with our prefix may not
    /// therefore use a pattern that does.
    async fn subscribe_to(&self, channels: &[String]) -> RedisResult<PubSubStream> {
        let mut connection = self.server.open_pub_sub().await?;
        for channels in channels.chunks(CHANNELS) {
            connection.subscribe(channels).await?;
        }
        Ok(connection.into_on_message())
    }
}
