//! A database in a loader's hands: what it asks goes to the task that holds the connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::DropGuard;

use super::dialect::Dialect;
use super::param::Param;
use super::rows::{Batch, Column, Fetch, KeyColumns, check_columns};
use crate::config::limits::Limits;
use crate::entries::progress::{Progress, Waiting};
use crate::failure::{Failure, FailureKind};

/// Questions that may be on their way to the task: the rows after the next ones, and that no more are wanted.
pub(super) const QUESTIONS: usize = 4;

/// What the task answers.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// A question to the task that holds a connection.
pub(super) enum Question {
    /// See `Session::moment`.
    Moment(Reply<Option<String>>),
    /// See `Session::query`.
    Query { statement: String, params: Vec<Param>, reply: Reply<Vec<Column>> },
    /// The next rows of the open result.
    Fetch(Fetch, Reply<Batch>),
    /// No more rows of the open result are wanted.
    Close,
}

impl Question {
    /// Answers with a failure.
    pub(super) fn refuse(self, failure: &Failure) {
        match self {
            Self::Moment(reply) => drop(reply.send(Err(failure.clone()))),
            Self::Query { reply, .. } => drop(reply.send(Err(failure.clone()))),
            Self::Fetch(_, reply) => drop(reply.send(Err(failure.clone()))),
            Self::Close => {}
        }
    }

    /// Answers a question for rows where no result is open, which a session does not ask.
    pub(super) fn refuse_without_result(self) {
        self.refuse(&Failure::new(FailureKind::Internal, "no result is open"));
    }

    /// Answers a question that must not come while a result is open, which a session does not ask.
    pub(super) fn refuse_beside_result(self) {
        self.refuse(&Failure::new(FailureKind::Internal, "a result is open"));
    }
}

/// What bounds the results of one load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SqlLimits {
    /// Rows of one result.
    pub(crate) rows: u64,
    /// Bytes of one result, as JSON.
    pub(crate) bytes: u64,
    /// Bytes of one value of a map: a row that is much larger is of no use.
    pub(crate) value_bytes: u64,
    /// How long the load may take.
    pub(crate) time: Duration,
}

impl SqlLimits {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            rows: limits.query_rows,
            bytes: limits.query_bytes,
            value_bytes: limits.value_bytes,
            time: limits.load_timeout,
        }
    }

    /// After how many milliseconds a server ends a statement by itself, in case that nobody can ask it to: a little later
    /// than the load ends, so that its own clock decides.
    pub(super) fn statement_millis(&self) -> u64 {
        const MARGIN: Duration = Duration::from_secs(1);
        /// The most that each of the servers accepts.
        const MAX: u128 = i32::MAX as u128;
        u64::try_from(self.time.saturating_add(MARGIN).as_millis().min(MAX)).unwrap_or(u64::MAX)
    }

    /// The longest message of a server that is taken in. A row may be longer as the server sends it than as JSON, but not
    /// by much.
    pub(super) fn message_bytes(&self) -> usize {
        const OVERHEAD: u64 = 64 << 10;
        usize::try_from(self.value_bytes.saturating_mul(2).saturating_add(OVERHEAD)).unwrap_or(usize::MAX)
    }
}

/// One connection, with which one result can be open at a time. All that it reads is of one moment.
pub(crate) struct Session {
    dialect: Dialect,
    line: Line,
    /// One permit: for the open result.
    open: Arc<Semaphore>,
    limits: SqlLimits,
}

/// The way to the task. When the last one is dropped, the task ends what its server does.
#[derive(Clone)]
pub(super) struct Line {
    /// The connection's name, for messages.
    name: Arc<str>,
    questions: mpsc::Sender<Question>,
    /// The longest wait for an answer.
    timeout: Option<Duration>,
    progress: Arc<Progress>,
    _alive: Arc<DropGuard>,
}

impl Line {
    pub(super) fn new(
        name: &str,
        questions: mpsc::Sender<Question>,
        timeout: Option<Duration>,
        progress: Arc<Progress>,
        alive: DropGuard,
    ) -> Self {
        Self { name: name.into(), questions, timeout, progress, _alive: Arc::new(alive) }
    }

    async fn ask<T>(&self, question: impl FnOnce(Reply<T>) -> Question) -> Result<T, Failure> {
        let answer = self.send(question).await?;
        self.answer(answer).await
    }

    async fn send<T>(
        &self,
        question: impl FnOnce(Reply<T>) -> Question,
    ) -> Result<oneshot::Receiver<Result<T, Failure>>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.questions.send(question(reply)).await.map_err(|_| self.ended())?;
        Ok(answer)
    }

    async fn answer<T>(&self, answer: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
        let what = Waiting::World(format!("an answer of the database `{}`", self.name).into());
        let answered = self.progress.waiting_for(what, async {
            match self.timeout {
                Some(timeout) => tokio::time::timeout(timeout, answer).await.map_err(|_| timeout),
                None => Ok(answer.await),
            }
        });
        match answered.await {
            Ok(Ok(answered)) => answered.map_err(|failure| self.named(failure)),
            Ok(Err(_)) => Err(self.ended()),
            Err(timeout) => {
                let name = &self.name;
                let message = format!(
                    "no answer of the database `{name}` within {timeout:?}; make the query cheaper, or raise `timeout` in \
                     [connections.{name}]"
                );
                Err(Failure::new(FailureKind::Unavailable, message))
            }
        }
    }

    /// Says which database a failure is of.
    fn named(&self, failure: Failure) -> Failure {
        Failure { message: format!("database `{}`: {}", self.name, failure.message), ..failure }
    }

    fn ended(&self) -> Failure {
        let message = format!("the connection to the database `{}` has ended", self.name);
        Failure::new(FailureKind::Unavailable, message)
    }
}

impl Session {
    pub(super) fn new(dialect: Dialect, line: Line, limits: SqlLimits) -> Self {
        Self { dialect, line, open: Arc::new(Semaphore::new(1)), limits }
    }

    /// The kind of database.
    pub(crate) fn dialect(&self) -> &'static str {
        self.dialect.as_str()
    }

    /// An identifier as it stands in a statement.
    pub(crate) fn quote(&self, identifier: &str) -> String {
        self.dialect.quote(identifier)
    }

    /// What tells the moment that this session sees from others, if the database has that: while it is the same, so is all
    /// data in tables.
    ///
    /// # Errors
    /// The database is away (`Unavailable`).
    pub(crate) async fn moment(&self) -> Result<Option<String>, Failure> {
        let _open = self.turn()?;
        self.line.ask(Question::Moment).await
    }

    /// Prepares one SELECT, and returns its result.
    ///
    /// # Errors
    /// It is no single SELECT, or does not fit its parameters (`InvalidSettings`); the database is away
    /// (`Unavailable`), or refuses for another reason (`Other`); another result is open (`Contract`).
    pub(crate) async fn query(&self, statement: String, params: Vec<Param>) -> Result<Query, Failure> {
        let open = self.turn()?;
        let columns = self.line.ask(|reply| Question::Query { statement, params, reply }).await?;
        Ok(Query {
            line: self.line.clone(),
            limits: self.limits,
            columns,
            separator: 'T',
            rows: 0,
            bytes: 0,
            state: State::New,
            _open: open,
        })
    }

    fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        self.open.clone().try_acquire_owned().map_err(|_| {
            let message = "a result of this connection is still open: drop it, or open another connection";
            Failure::new(FailureKind::Contract, message)
        })
    }
}

/// The result of a query, read as it is asked for.
pub(crate) struct Query {
    line: Line,
    limits: SqlLimits,
    columns: Vec<Column>,
    separator: char,
    rows: u64,
    bytes: u64,
    state: State,
    _open: OwnedSemaphorePermit,
}

enum State {
    /// Nothing was asked for yet.
    New,
    Reading,
    /// These rows were asked for in advance.
    Ahead(oneshot::Receiver<Result<Batch, Failure>>),
    Ended,
    /// What is asked after a failure fails as well: it is not the end of the rows.
    Failed(Failure),
}

impl Query {
    /// The columns, in order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What stands between date and time in the rows that follow. What cannot stand in a string as it is counts as `T`.
    pub(crate) fn set_separator(&mut self, separator: char) {
        self.separator = if separator.is_control() || matches!(separator, '"' | '\\') { 'T' } else { separator };
    }

    /// The columns that make keys.
    ///
    /// # Errors
    /// As [`KeyColumns::of`].
    pub(crate) fn key(&self, names: &[String], separator: String) -> Result<Arc<KeyColumns>, Failure> {
        KeyColumns::of(&self.columns, names, separator).map(Arc::new)
    }

    /// The next rows, as objects: at most `rows`, and none after the last.
    ///
    /// # Errors
    /// The rows cannot be read or written (see `RowWriter`), or are beyond a limit.
    pub(crate) async fn next(&mut self, rows: u32) -> Result<Batch, Failure> {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX).max(1);
        self.fetch(Fetch { rows, separator: self.separator, key: None }, false).await
    }

    /// The next rows with their keys, as many as make a good batch, and none after the last. The ones after them are
    /// asked for already.
    ///
    /// # Errors
    /// As `next`; a key is NULL or empty (`InvalidEntry`).
    pub(crate) async fn next_with_keys(&mut self, key: &Arc<KeyColumns>) -> Result<Batch, Failure> {
        let fetch = Fetch { rows: usize::MAX, separator: self.separator, key: Some(key.clone()) };
        self.fetch(fetch, true).await
    }

    async fn fetch(&mut self, fetch: Fetch, in_advance: bool) -> Result<Batch, Failure> {
        let fetched = self.fetch_once(fetch, in_advance).await;
        if let Err(failure) = &fetched {
            self.state = State::Failed(failure.clone());
        }
        fetched
    }

    async fn fetch_once(&mut self, fetch: Fetch, in_advance: bool) -> Result<Batch, Failure> {
        let answer = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(Batch::default()),
            State::Failed(failure) => return Err(failure),
            State::Ahead(answer) => answer,
            State::New => {
                check_columns(&self.columns)?;
                self.line.send(|reply| Question::Fetch(fetch.clone(), reply)).await?
            }
            State::Reading => self.line.send(|reply| Question::Fetch(fetch.clone(), reply)).await?,
        };
        let batch = self.line.answer(answer).await?;
        self.count(&batch)?;
        if !batch.is_last {
            self.state = match in_advance {
                true => State::Ahead(self.line.send(|reply| Question::Fetch(fetch, reply)).await?),
                false => State::Reading,
            };
        }
        Ok(batch)
    }

    fn count(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.rows += batch.len() as u64;
        self.bytes += batch.bytes() as u64;
        let exceeded = |limit, what: String| {
            let message = format!("a result of the database `{}` has more than the {what} allowed", self.line.name);
            Err(Failure::limit(limit, message))
        };
        if self.rows > self.limits.rows {
            return exceeded("query_rows", format!("{} rows", self.limits.rows));
        }
        if self.bytes > self.limits.bytes {
            return exceeded("query_bytes", crate::printable::bytes(self.limits.bytes));
        }
        Ok(())
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        // There is room: at most one question for rows stands before it. If the task is gone, so is the result.
        let _ = self.line.questions.try_send(Question::Close);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("name", &self.line.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("columns", &self.columns.len()).finish_non_exhaustive()
    }
}
