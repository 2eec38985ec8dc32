//! One Redis server: a connection is opened when one is first needed, and again after it was lost.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backon::{BackoffBuilder, ExponentialBuilder};
use redis::aio::PubSub;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::{Connection, RESPONSE_TIMEOUT, open_pub_sub};
use super::options::RedisOptions;
use super::reply::{array, executed};
use super::script::{By, Call};
use super::stream::Connect;
use super::transaction::Transaction;

/// How long to wait before a command is sent again while a cluster moves the slot: 20, 40, 80, 160, 320 ms.
const TRY_AGAIN: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(20)).with_max_times(5);

/// One Redis server.
pub(super) struct Server {
    pub(super) options: RedisOptions,
    pub(super) location: String,
    connector: Box<dyn Connect>,
    connection: ArcSwapOption<Connection>,
    /// Locked by the task that connects. The failure of the last attempt, and when it ended.
    failure: Mutex<Option<(Instant, RedisError)>>,
}

/// Whether a connection was opened for this call, or has worked before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Now,
    Before,
}

impl Server {
    pub(super) fn new(options: RedisOptions, connector: Box<dyn Connect>) -> Self {
        let location = options.location();
        Self { options, location, connector, connection: ArcSwapOption::empty(), failure: Mutex::default() }
    }

    /// Runs one command.
    pub(super) async fn command(&self, command: Cmd) -> RedisResult<Value> {
        self.command_within(command, RESPONSE_TIMEOUT).await
    }

    pub(super) async fn command_within(&self, command: Cmd, timeout: Duration) -> RedisResult<Value> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let mut replies = self.send(&pipeline, timeout).await?;
        replies.pop().unwrap_or(Value::Nil).extract_error()
    }

    /// Runs a script.
    pub(super) async fn run(&self, call: &Call) -> RedisResult<Vec<Value>> {
        self.run_within(call, RESPONSE_TIMEOUT).await
    }

    pub(super) async fn run_within(&self, call: &Call, timeout: Duration) -> RedisResult<Vec<Value>> {
        let mut reply = self.command_within(call.command(By::Hash), timeout).await;
        if reply.as_ref().is_err_and(is_unknown_script) {
            reply = self.command_within(call.command(By::Source), timeout).await;
        }
        array(reply?)
    }

    /// Runs commands in one MULTI: their replies, or the first error.
    pub(super) async fn transaction(&self, transaction: Transaction) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(transaction.replies());
        transaction.add_to(&mut pipeline);
        executed(self.send(&pipeline, RESPONSE_TIMEOUT).await?)
    }

    /// Runs transactions in one round trip, each in one step. One that is refused takes no reply from another.
    pub(super) async fn transactions(
        &self,
        transactions: &[Transaction],
        timeout: Duration,
    ) -> RedisResult<Vec<RedisResult<Vec<Value>>>> {
        let mut pipeline = Pipeline::new();
        transactions.iter().for_each(|transaction| transaction.clone().add_to(&mut pipeline));
        let mut replies = self.send(&pipeline, timeout).await?.into_iter();
        Ok(transactions.iter().map(|of| executed(replies.by_ref().take(of.replies()).collect())).collect())
    }

    /// Runs one command that has few arguments over the open connection. `None`: there is no connection that
    /// works, or the server answers with an error. The next call by another way finds out why.
    pub(super) async fn try_command(&self, command: &Cmd) -> RedisResult<Option<Value>> {
        let Some(connection) = self.connection.load_full() else { return Ok(None) };
        match connection.send_one(command).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_timeout() => {
                self.discard(&connection);
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }

    /// Opens a connection for channels.
    pub(super) async fn open_pub_sub(&self) -> RedisResult<PubSub> {
        open_pub_sub(&*self.connector, self.options.settings()).await
    }

    /// Sends commands and gives their replies, errors of the server among them.
    ///
    /// A connection that has worked before may turn out to be broken only now: then the commands are
    /// sent once more over a new one. Every command of this module may be sent twice.
    async fn send(&self, pipeline: &Pipeline, timeout: Duration) -> RedisResult<Vec<Value>> {
        let mut backoff = TRY_AGAIN.build();
        let mut was_sent_again = false;
        loop {
            let (connection, opened) = self.connection().await?;
            match connection.send(pipeline, timeout).await {
                Ok(replies) if replies.iter().any(is_try_again) => match backoff.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Ok(replies),
                },
                Ok(replies) => return Ok(replies),
                Err(error) => {
                    self.discard(&connection);
                    if opened == Opened::Now || was_sent_again || error.is_timeout() {
                        return Err(error);
                    }
                    was_sent_again = true;
                }
            }
        }
    }

    async fn connection(&self) -> RedisResult<(Arc<Connection>, Opened)> {
        if let Some(connection) = self.connection.load_full() {
            return Ok((connection, Opened::Before));
        }
        let needed_at = Instant::now();
        let mut failure = self.failure.lock().await;
        if let Some(connection) = self.connection.load_full() {
            return Ok((connection, Opened::Before));
        }
        // All who waited for an attempt share its failure, instead of trying one after the other.
        if let Some((at, error)) = &*failure
            && *at >= needed_at
        {
            return Err(error.clone());
        }
        match Connection::open(&*self.connector, self.options.settings()).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                self.connection.store(Some(Arc::clone(&connection)));
                *failure = None;
                Ok((connection, Opened::Now))
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Discards a broken connection, unless another call has done so already.
    fn discard(&self, broken: &Arc<Connection>) {
        self.connection.compare_and_swap(broken, None);
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

fn is_try_again(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::TryAgain))
}
