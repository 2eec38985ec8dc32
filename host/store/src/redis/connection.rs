//! One connection to a server: its stream, and the task that reads and writes it.

use std::io;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, ToRedisArgs, Value};
use tokio::task::JoinHandle;

use super::handshake::shake_hands;
use super::options::RedisOptions;
use super::stream::{Connect, Stream};

/// A connection that many calls share.
pub(super) struct Connection {
    shared: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open(connector: &dyn Connect, options: &RedisOptions) -> RedisResult<Self> {
        let stream = open_stream(connector, options).await?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(options.response_timeout()));
        let (shared, driver) = MultiplexedConnection::new_with_config(&is_set_up(), stream, config).await?;
        Ok(Self { shared, driver: tokio::spawn(driver) })
    }

    /// Sends commands and gives their replies, errors of the server among them.
    pub(super) async fn send(&self, pipeline: &Pipeline, timeout: Duration) -> RedisResult<Vec<Value>> {
        let mut shared = self.shared.clone();
        shared.set_response_timeout(timeout);
        shared.send_packed_commands(pipeline, 0, pipeline.len()).await
    }

    /// Sends one command and gives its reply, or the server's error.
    pub(super) async fn send_one(&self, command: &Cmd) -> RedisResult<Value> {
        // This one boxes its future: what `send_packed_command` gives is too large to be allocated quickly.
        self.shared.clone().req_packed_command(command).await.and_then(Value::extract_error)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection of its own for channels: it can do nothing else.
pub(super) struct Channels {
    pub_sub: PubSub,
    timeout: Duration,
}

impl Channels {
    pub(super) async fn open(connector: &dyn Connect, options: &RedisOptions) -> RedisResult<Self> {
        let stream = open_stream(connector, options).await?;
        let pub_sub = PubSub::new(&is_set_up(), stream).await?;
        Ok(Self { pub_sub, timeout: options.response_timeout() })
    }

    pub(super) async fn subscribe(&mut self, channels: impl ToRedisArgs) -> RedisResult<()> {
        in_time(self.timeout, self.pub_sub.subscribe(channels)).await
    }

    pub(super) fn into_on_message(self) -> PubSubStream {
        self.pub_sub.into_on_message()
    }

    /// What subscribes, and what is heard.
    pub(super) fn split(self) -> (PubSubSink, PubSubStream) {
        self.pub_sub.split()
    }
}

/// A stream to a server that has accepted us.
async fn open_stream(connector: &dyn Connect, options: &RedisOptions) -> RedisResult<Box<dyn Stream>> {
    let opening = async { shake_hands(connector.connect().await?, options.settings()).await };
    in_time(options.connect_timeout(), opening).await
}

async fn in_time<T>(timeout: Duration, step: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    tokio::time::timeout(timeout, step).await.map_err(io::Error::from)?
}

/// For redis-rs: the first commands were sent already.
fn is_set_up() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_skip_set_lib_name()
}
