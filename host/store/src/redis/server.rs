//! One Redis server: what is asked of it, over which connection, and how often.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

use super::connection::{Channels, Connection};
use super::options::RedisOptions;
use super::reply::{array, executed, text};
use super::script::{By, Call};
use super::shared_connection::{Opened, SharedConnection};
use super::stream::Connect;
use super::transaction::Transaction;
use super::verdict::{Verdict, sentinel};

/// How long to wait before a server that is not ready is asked again: 20, 40, 80, 160, 320, 640 ms.
const ASK_AGAIN: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(20)).with_max_times(6);

/// One Redis server.
pub(super) struct Server {
    pub(super) options: RedisOptions,
    pub(super) location: String,
    connector: Arc<dyn Connect>,
    quick: SharedConnection,
    bulk: SharedConnection,
}

/// Over which connection commands are sent. Redis answers one after the other, so a large reply or upload delays
/// all that share its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For small commands with small replies, which are to be answered at once: leases, polls, single keys.
    Quick,
    /// For whole maps and large parts of them. Its connection is opened when it is first needed, and a reply may
    /// take longer.
    Bulk,
}

impl Server {
    pub(super) fn new(options: RedisOptions, connector: Box<dyn Connect>) -> Self {
        let (location, connector) = (options.location(), Arc::from(connector));
        let [quick, bulk] = [Lane::Quick, Lane::Bulk].map(|_| SharedConnection::new(&options, &connector));
        Self { options, location, connector, quick, bulk }
    }

    /// Runs one command.
    pub(super) async fn command(&self, command: Cmd) -> RedisResult<Value> {
        self.command_on(Lane::Quick, command).await
    }

    pub(super) async fn command_on(&self, lane: Lane, command: Cmd) -> RedisResult<Value> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let mut replies = self.send(lane, &pipeline).await?;
        replies.pop().unwrap_or(Value::Nil).extract_error()
    }

    /// Runs a script.
    pub(super) async fn run(&self, call: &Call) -> RedisResult<Vec<Value>> {
        self.run_on(Lane::Quick, call).await
    }

    pub(super) async fn run_on(&self, lane: Lane, call: &Call) -> RedisResult<Vec<Value>> {
        let mut reply = self.command_on(lane, call.command(By::Hash)).await;
        if reply.as_ref().is_err_and(is_unknown_script) {
            reply = self.command_on(lane, call.command(By::Source)).await;
        }
        array(reply?)
    }

    /// Runs commands in one MULTI: their replies, or the first error.
    pub(super) async fn transaction(&self, transaction: Transaction) -> RedisResult<Vec<Value>> {
        self.transaction_on(Lane::Quick, transaction).await
    }

    pub(super) async fn transaction_on(&self, lane: Lane, transaction: Transaction) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(transaction.replies());
        transaction.add_to(&mut pipeline);
        executed(self.send(lane, &pipeline).await?)
    }

    /// Runs transactions in one round trip, each in one step. One that is refused takes no reply from another.
    pub(super) async fn transactions_on(
        &self,
        lane: Lane,
        transactions: &[Transaction],
    ) -> RedisResult<Vec<RedisResult<Vec<Value>>>> {
        let mut pipeline = Pipeline::new();
        transactions.iter().for_each(|transaction| transaction.clone().add_to(&mut pipeline));
        let mut replies = self.send(lane, &pipeline).await?.into_iter();
        Ok(transactions.iter().map(|of| executed(replies.by_ref().take(of.replies()).collect())).collect())
    }

    /// Runs one command that has few arguments over the open connection. `None`: there is no connection that
    /// works, or the server answers with an error. The next call by another way finds out why.
    pub(super) async fn try_command(&self, command: &Cmd) -> RedisResult<Option<Value>> {
        let Some(connection) = self.quick.current() else { return Ok(None) };
        match connection.send_one(command).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_timeout() => {
                self.discard(Lane::Quick, &connection);
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }

    /// Opens a connection for channels.
    pub(super) async fn open_pub_sub(&self) -> RedisResult<Channels> {
        Channels::open(&*self.connector, &self.options).await
    }

    /// Sends commands and gives their replies, errors of the server among them.
    ///
    /// They are sent once more over a new connection if one that has worked before turns out to be broken, or to lead
    /// to a server that is no longer the right one; and some more times to a server that is not ready. Every command
    /// of this module may be sent twice.
    async fn send(&self, lane: Lane, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let mut backoff = ASK_AGAIN.build();
        let mut was_sent_again = false;
        loop {
            let (connection, opened) = self.open(lane, &mut backoff).await?;
            let may_send_again = opened == Opened::Before && !was_sent_again;
            let replies = match connection.send(pipeline, self.timeout(lane)).await {
                Ok(replies) => replies,
                Err(error) => {
                    self.discard(lane, &connection);
                    if !may_send_again || error.is_timeout() {
                        return Err(error);
                    }
                    was_sent_again = true;
                    continue;
                }
            };
            let verdict = Verdict::of_replies(&replies);
            match verdict {
                Verdict::Answered => return Ok(replies),
                Verdict::Unknown if self.is_sentinel(lane, &connection).await => return Err(sentinel()),
                Verdict::Unknown => return Ok(replies),
                Verdict::Reconnect => {
                    if !may_send_again || !self.on(lane).may_replace(&connection) {
                        return Ok(replies);
                    }
                    self.discard(lane, &connection);
                    was_sent_again = true;
                }
                Verdict::AskAgain | Verdict::AskAgainElsewhere => {
                    let Some(wait) = backoff.next() else { return Ok(replies) };
                    if verdict == Verdict::AskAgainElsewhere && self.on(lane).may_replace(&connection) {
                        self.discard(lane, &connection);
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// The connection of a lane. A server that has too many clients is asked again.
    async fn open(&self, lane: Lane, backoff: &mut ExponentialBackoff) -> RedisResult<(Arc<Connection>, Opened)> {
        loop {
            let error = match self.on(lane).open().await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let is_ready_soon =
                matches!(Verdict::of_connecting(&error), Verdict::AskAgain | Verdict::AskAgainElsewhere);
            match backoff.next().filter(|_| is_ready_soon) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    fn on(&self, lane: Lane) -> &SharedConnection {
        match lane {
            Lane::Quick => &self.quick,
            Lane::Bulk => &self.bulk,
        }
    }

    fn timeout(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Quick => self.options.response_timeout(),
            Lane::Bulk => self.options.bulk_timeout(),
        }
    }

    /// Discards a connection, unless another call has done so already. The other lane connects again, too: the two
    /// must not lead to different servers, of which one is behind the other.
    fn discard(&self, lane: Lane, connection: &Arc<Connection>) {
        if self.on(lane).discard(connection) {
            let other = if lane == Lane::Quick { Lane::Bulk } else { Lane::Quick };
            self.on(other).clear();
        }
    }

    /// Whether a server that does not know our commands is a Sentinel, which says so.
    async fn is_sentinel(&self, lane: Lane, connection: &Connection) -> bool {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(redis::cmd("ROLE"));
        let reply = connection.send(&pipeline, self.timeout(lane)).await;
        matches!(reply.as_deref(), Ok([Value::Array(role)]) if role.first().and_then(text) == Some("sentinel"))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.options).finish_non_exhaustive()
    }
}

pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
