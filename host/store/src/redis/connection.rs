//! One connection to a server: its stream, and the task that reads and writes it.

use std::io;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, Value};
use tokio::task::JoinHandle;

use super::stream::Connect;

/// How long connecting may take, from the name look-up to the reply to the first commands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a reply may take. (The default of redis-rs is half a second: less than one big HGETALL.)
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a whole map in one reply: it takes its time, at the server and on the network.
pub(super) const WHOLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that many calls share.
pub(super) struct Connection {
    shared: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open(connector: &dyn Connect, settings: &RedisConnectionInfo) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let opening = async {
            let stream = connector.connect().await?;
            MultiplexedConnection::new_with_config(settings, stream, config).await
        };
        let (shared, driver) = in_time(opening).await?;
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
pub(super) async fn open_pub_sub(connector: &dyn Connect, settings: &RedisConnectionInfo) -> RedisResult<PubSub> {
    in_time(async { PubSub::new(settings, connector.connect().await?).await }).await
}

async fn in_time<T>(opening: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    tokio::time::timeout(CONNECT_TIMEOUT, opening).await.map_err(io::Error::from)?
}
