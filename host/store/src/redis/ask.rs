//! Readers that find nothing ask for it, and hosts that listen.

use redis::RedisResult;
use redis::aio::PubSubStream;

use futures_util::StreamExt;

use super::Redis;
use super::keys::asked_cache;
use super::server::CONNECT_TIMEOUT;
use crate::Asks;
use crate::{Name, Result};

/// How many channels one SUBSCRIBE names.
const CHANNELS: usize = 500;

impl Redis {
    pub(super) async fn publish_ask(&self, cache: &Name) -> Result<()> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.keys(cache).ask).arg("");
        self.command(cache, publish).await.map(drop)
    }

    /// Over a connection of its own: one that listens can do nothing else.
    pub(super) async fn listen(&self, caches: &[Name]) -> Result<Asks> {
        let channels: Vec<String> = caches.iter().map(|cache| self.keys(cache).ask).collect();
        let messages = self.subscribe(&channels).await.map_err(|error| self.server.explain(error))?;
        let prefix = self.server.options.key_prefix.clone();
        let asked = messages.filter_map(move |message| {
            let cache = asked_cache(&prefix, message.get_channel_name());
            async { cache }
        });
        Ok(asked.boxed())
    }

    /// By their names, and not by one pattern: a user who may use channels that begin with our prefix may not
    /// therefore use a pattern that does.
    async fn subscribe(&self, channels: &[String]) -> RedisResult<PubSubStream> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.server.client.get_async_pubsub());
        let mut connection = connecting.await.map_err(std::io::Error::from)??;
        for channels in channels.chunks(CHANNELS) {
            connection.subscribe(channels).await?;
        }
        Ok(connection.into_on_message())
    }
}
