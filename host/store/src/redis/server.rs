//! The connection to one Redis: made when first needed, and again whenever it was lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::Mutex;

use super::options::RedisOptions;
use super::script::{self, By, Script};
use crate::Result;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a reply may take. (The default of redis-rs is half a second: less than one big HGETALL.)
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before asking again while a cluster moves the slot: up to 0.6 s in all.
const TRY_AGAIN_WAITS_MS: [u64; 5] = [20, 40, 80, 160, 320];

/// One Redis server.
pub(super) struct Server {
    pub(super) client: Client,
    pub(super) options: RedisOptions,
    pub(super) location: String,
    /// The connection there is, if there is one.
    line: ArcSwapOption<Line>,
    /// Held by who makes a connection. What it was that failed, when the last attempt did.
    failure: Mutex<Option<(Instant, RedisError)>>,
}

/// A connection, which whoever finds it broken takes away.
struct Line(MultiplexedConnection);

/// Whether a connection has proved good since it was made for somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

impl Server {
    pub(super) fn new(options: &RedisOptions) -> Result<Self> {
        if matches!(options.connection.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            // redis-rs takes the process's provider and panics without one. Err: another was just installed.
            if rustls::crypto::CryptoProvider::get_default().is_none() {
                let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            }
        }
        let (client, location) = (options.client()?, options.location());
        Ok(Self { client, options: options.clone(), location, line: ArcSwapOption::empty(), failure: Mutex::default() })
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

    /// Runs a script; `arguments` adds the number of keys, the keys and the arguments.
    pub(super) async fn run(&self, script: &Script, arguments: impl Fn(&mut Cmd)) -> RedisResult<Vec<Value>> {
        self.run_within(script, RESPONSE_TIMEOUT, arguments).await
    }

    async fn run_within(
        &self,
        script: &Script,
        timeout: Duration,
        arguments: impl Fn(&mut Cmd),
    ) -> RedisResult<Vec<Value>> {
        let call = |by| {
            let mut call = script.call(by);
            arguments(&mut call);
            call
        };
        let mut reply = self.command_within(call(By::Hash), timeout).await;
        if reply.as_ref().is_err_and(is_unknown_script) {
            reply = self.command_within(call(By::Source), timeout).await;
        }
        array(reply?)
    }

    /// Runs commands in one MULTI: their replies, or the first error.
    pub(super) async fn transaction(&self, transaction: Transaction) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(transaction.commands.len() + 2);
        transaction.add_to(&mut pipeline);
        executed(self.send(&pipeline, RESPONSE_TIMEOUT).await?.into_iter())
    }

    /// Runs reading commands, those of each transaction in one step, in one round trip. Works on a
    /// server whose memory is full as well.
    pub(super) async fn read(
        &self,
        transactions: &[Transaction],
        timeout: Duration,
    ) -> RedisResult<Vec<RedisResult<Vec<Value>>>> {
        let mut replies = self.transactions(transactions, timeout).await?;
        for (reply, transaction) in replies.iter_mut().zip(transactions) {
            if reply.as_ref().is_err_and(is_out_of_memory) {
                *reply = self.run_within(&script::READ, timeout, |call| transaction.as_arguments(call)).await;
            }
        }
        Ok(replies)
    }

    async fn transactions(
        &self,
        transactions: &[Transaction],
        timeout: Duration,
    ) -> RedisResult<Vec<RedisResult<Vec<Value>>>> {
        let mut pipeline = Pipeline::new();
        for transaction in transactions {
            transaction.clone().add_to(&mut pipeline);
        }
        let mut replies = self.send(&pipeline, timeout).await?.into_iter();
        Ok(transactions.iter().map(|of| executed(replies.by_ref().take(of.commands.len() + 2))).collect())
    }

    /// Runs one command that has few arguments, over the connection there is. `None`: there is none that works, or
    /// the server answers with an error. Whoever sends the next by another way finds out, and says why.
    pub(super) async fn try_command(&self, command: &Cmd) -> RedisResult<Option<Value>> {
        let Some(line) = self.line.load_full() else { return Ok(None) };
        let mut connection = line.0.clone();
        // The one that boxes: what `send_packed_command` gives is larger than an allocator is quick with.
        match connection.req_packed_command(command).await.and_then(Value::extract_error) {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_timeout() => {
                self.hang_up(&line);
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }

    /// Sends commands and gives their replies, errors of the server among them.
    ///
    /// A connection that was made before may turn out to be broken only now: then the commands are
    /// sent once more over a new one. All that this module sends may be sent twice.
    async fn send(&self, pipeline: &Pipeline, timeout: Duration) -> RedisResult<Vec<Value>> {
        let mut waits = TRY_AGAIN_WAITS_MS.into_iter();
        let mut sent_again = false;
        loop {
            let (line, made) = self.line().await?;
            let mut connection = line.0.clone();
            connection.set_response_timeout(timeout);
            match connection.send_packed_commands(pipeline, 0, pipeline.len()).await {
                Ok(replies) if replies.iter().any(is_try_again) => match waits.next() {
                    Some(wait) => tokio::time::sleep(Duration::from_millis(wait)).await,
                    None => return Ok(replies),
                },
                Ok(replies) => return Ok(replies),
                Err(error) => {
                    self.hang_up(&line);
                    if made == Made::Now || sent_again || error.is_timeout() {
                        return Err(error);
                    }
                    sent_again = true;
                }
            }
        }
    }

    async fn line(&self) -> RedisResult<(Arc<Line>, Made)> {
        if let Some(line) = self.line.load_full() {
            return Ok((line, Made::Before));
        }
        let asked = Instant::now();
        let mut failure = self.failure.lock().await;
        if let Some(line) = self.line.load_full() {
            return Ok((line, Made::Before));
        }
        // Those who waited for an attempt share its failure: they do not try one after the other.
        if let Some((at, error)) = &*failure
            && *at >= asked
        {
            return Err(error.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        match self.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                let line = Arc::new(Line(connection));
                self.line.store(Some(Arc::clone(&line)));
                *failure = None;
                Ok((line, Made::Now))
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Of all who find a connection broken only the first takes it away.
    fn hang_up(&self, broken: &Arc<Line>) {
        self.line.compare_and_swap(broken, None);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Commands to be run in one MULTI. (Not redis-rs' own `atomic()`: it panics where MULTI is denied.)
#[derive(Clone)]
pub(super) struct Transaction {
    key: String,
    commands: Vec<Cmd>,
}

impl Transaction {
    /// An empty one, of commands about the cache whose data is at `key`.
    pub(super) fn about(key: &str) -> Self {
        Self { key: key.to_owned(), commands: Vec::new() }
    }

    pub(super) fn add(&mut self, command: Cmd) {
        self.commands.push(command);
    }

    pub(super) fn with(mut self, commands: impl IntoIterator<Item = Cmd>) -> Self {
        self.commands.extend(commands);
        self
    }

    fn add_to(self, pipeline: &mut Pipeline) {
        pipeline.cmd("MULTI");
        for command in self.commands {
            pipeline.add_command(command);
        }
        pipeline.cmd("EXEC");
    }

    /// As `read.lua` takes it.
    fn as_arguments(&self, call: &mut Cmd) {
        call.arg(1).arg(&self.key);
        for command in &self.commands {
            call.arg(command.args_iter().count());
            for word in command.args_iter() {
                if let redis::Arg::Simple(word) = word {
                    call.arg(word);
                }
            }
        }
    }
}

/// The replies inside EXEC's, or the first error: of queueing a command, or of running it.
fn executed(replies: impl Iterator<Item = Value>) -> RedisResult<Vec<Value>> {
    let mut last = Value::Nil;
    for reply in replies {
        last = reply.extract_error()?;
    }
    array(last)
}

pub(super) fn array(value: Value) -> RedisResult<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(odd_reply(&format!("{other:?} instead of an array"))),
    }
}

pub(super) fn odd_reply(what: &str) -> RedisError {
    (ErrorKind::UnexpectedReturnType, "a reply that Redis does not give", what.to_owned()).into()
}

pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn is_out_of_memory(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}

fn is_try_again(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::TryAgain))
}
