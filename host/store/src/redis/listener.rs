//! The one connection over which a process hears of the commits on a server, for all of its readers.
//!
//! All listeners of a process share a thread of their own: a service may have several runtimes, and one that ends, or
//! stands still, must not take away the hints of the others. Nothing here is needed for correctness: readers poll.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use redis::aio::PubSubSink;
use redis::{Msg, RedisResult, Value};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::options::RedisOptions;
use super::pushed;
use super::server::Server;
use super::store::Redis;
use crate::topics::Topics;
use crate::{Error, Hint, Result, Subscription};

/// The longest time until the first attempt to connect again. It doubles with each failure.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// The longest time between two attempts. A connection that has lasted so long was a good one.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// How often the server must answer: a connection that nothing comes over could be dead for hours.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// When a channel that the user may not subscribe to is tried again.
const DENIED_RETRY: Duration = Duration::from_secs(300);

/// The listeners of this process.
static LISTENERS: Mutex<Vec<Weak<Listener>>> = Mutex::new(Vec::new());

/// The thread of this process.
static THREAD: Mutex<Weak<Thread>> = Mutex::new(Weak::new());

/// Listens to the channels of one server. The connection ends when this is dropped.
pub(super) struct Listener {
    options: RedisOptions,
    channels: Arc<Channels>,
    task: AbortHandle,
    thread: Arc<Thread>,
}

/// What the listeners of a process run on. It ends with the last of them.
struct Thread {
    /// A process that was forked off does not have it.
    process: u32,
    /// Taken when this is dropped.
    runtime: Option<Runtime>,
}

/// The channels that somebody has subscribed to.
struct Channels {
    topics: Topics<String>,
    /// Tells the task that there may be others now.
    changed: Notify,
}

impl Listener {
    /// The listener for a server and user, which all stores of this process that were opened with them share.
    pub(super) fn of(options: &RedisOptions) -> Result<Arc<Self>> {
        let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        if let Some(shared) = listeners.iter().filter_map(Weak::upgrade).find(|listener| listener.is_for(options)) {
            return Ok(shared);
        }
        let listener = Arc::new(Self::start(options)?);
        listeners.push(Arc::downgrade(&listener));
        Ok(listener)
    }

    /// Another user may have other rights. Files for TLS make no difference: the server and the user are the same.
    fn is_for(&self, options: &RedisOptions) -> bool {
        let identity = |options: &RedisOptions| (options.to_string(), options.user().to_owned());
        self.thread.is_here()
            && identity(&self.options) == identity(options)
            && self.options.password() == options.password()
    }

    fn start(options: &RedisOptions) -> Result<Self> {
        // A server of its own, so that no store that is dropped leaves its connection open here.
        let server = Redis::open(options)?.server;
        let channels = Arc::new(Channels { topics: Topics::new(), changed: Notify::new() });
        let thread = Thread::of_process()?;
        let task = thread.run(listen(server, Arc::clone(&channels)));
        Ok(Self { options: options.clone(), channels, task, thread })
    }

    pub(super) fn subscribe(self: Arc<Self>, channel: String) -> Subscription {
        let channels = Arc::clone(&self.channels);
        let subscription = channels.topics.subscribe(channel, self);
        channels.changed.notify_one();
        subscription
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // In a process that was forked off, the thread does not exist, and its locks may be held forever.
        if self.thread.is_here() {
            self.task.abort();
        }
    }
}

impl Thread {
    fn of_process() -> Result<Arc<Self>> {
        let mut shared = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = shared.upgrade().filter(|thread| thread.is_here()) {
            return Ok(thread);
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("kiwi-listener").enable_all().build();
        let runtime = runtime.map_err(|error| {
            Error::unavailable("failed to start the thread that listens for new snapshots").because(error)
        })?;
        let thread = Arc::new(Self { process: std::process::id(), runtime: Some(runtime) });
        *shared = Arc::downgrade(&thread);
        Ok(thread)
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    fn run(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let runtime = self.runtime.as_ref().expect("it is taken only when this is dropped");
        runtime.spawn(task).abort_handle()
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its thread is not allowed where this may be dropped: in async code.
            runtime.shutdown_background();
        }
    }
}

/// Listens until it is aborted. However a connection is lost, it is opened again.
async fn listen(server: Arc<Server>, channels: Arc<Channels>) {
    let (mut failures, mut denial_logged) = (0, false);
    loop {
        let begun = Instant::now();
        // A panic would be a bug. It must not end the hints of all readers.
        let lost = AssertUnwindSafe(listen_once(&server, &channels, &mut denial_logged)).catch_unwind().await;
        let why = lost.unwrap_or_else(|_| Error::unavailable("the listener has panicked: see its message on stderr"));
        if begun.elapsed() >= MAX_BACKOFF {
            failures = 0;
        }
        let wait = backoff(failures, getrandom::u32().unwrap_or(u32::MAX / 2));
        failures = failures.saturating_add(1);
        debug!("not listening for new snapshots, trying again in {wait:.1?}, readers poll meanwhile: {why}");
        tokio::time::sleep(wait).await;
    }
}

/// The time to the next attempt after so many failures in a row: the upper half of what the doubling gives, by
/// `random`, which may be any number.
fn backoff(failures: u32, random: u32) -> Duration {
    let longest = MIN_BACKOFF.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_BACKOFF);
    longest.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// Opens a connection and hands on what is heard over it. Returns why it was lost.
async fn listen_once(server: &Server, channels: &Channels, denial_logged: &mut bool) -> Error {
    let connection = match server.open_pub_sub().await {
        Ok(connection) => connection,
        Err(error) => return server.explain(error),
    };
    let (sink, mut messages) = connection.split();
    let mut open = Open { server, channels, sink, subscribed: HashSet::new(), denied: HashMap::new(), denial_logged };
    let mut pings = tokio::time::interval(PING_INTERVAL);
    loop {
        let is_lost = tokio::select! {
            message = messages.next() => match message {
                Some(message) if open.hear(&message) => continue,
                Some(_) => open.update().await,
                None => return Error::unavailable(format!("Redis at {} has closed the connection", server.location)),
            },
            () = channels.changed.notified() => open.update().await,
            _ = pings.tick() => open.ping().await,
        };
        if let Err(error) = is_lost {
            return error;
        }
    }
}

/// An open connection.
struct Open<'a> {
    server: &'a Server,
    channels: &'a Channels,
    sink: PubSubSink,
    subscribed: HashSet<String>,
    /// The channels that the user may not subscribe to, and when that was found.
    denied: HashMap<String, Instant>,
    /// Whether it was logged that there are such channels.
    denial_logged: &'a mut bool,
}

impl Open<'_> {
    /// Hands on what a message says. `false`: nobody listens to its channel any more.
    fn hear(&self, message: &Msg) -> bool {
        let message_bytes = message.get_payload_bytes();
        let id = std::str::from_utf8(message_bytes).ok().and_then(|text| text.parse().ok());
        let pushed = || pushed::read(message_bytes).map(|pushed| Hint::Pushed(Arc::new(pushed)));
        // Whatever else a host, or anybody, says there: looking at the store does no harm.
        let hint = id.map(Hint::published).or_else(pushed).unwrap_or(Hint::Unknown);
        self.channels.topics.announce(&message.get_channel_name().to_owned(), hint)
    }

    /// Subscribes to the channels that are new, and unsubscribes from those that nobody listens to any more.
    async fn update(&mut self) -> Result<()> {
        let wanted = self.channels.topics.subscribed();
        self.denied.retain(|_, at| at.elapsed() < DENIED_RETRY);
        // One by one: of several in one command, one that is denied would deny all.
        for channel in &wanted {
            if self.subscribed.contains(channel) || self.denied.contains_key(channel) {
                continue;
            }
            match in_time(self.server, self.sink.subscribe(channel)).await.map_err(|error| self.server.explain(error)) {
                Ok(()) => {
                    self.subscribed.insert(channel.clone());
                    // What was published before was not heard.
                    self.channels.topics.announce(channel, Hint::Unknown);
                }
                Err(error) if error.is_denied() => self.deny(channel, &error),
                Err(error) => return Err(error),
            }
        }
        let gone: Vec<String> = self.subscribed.iter().filter(|channel| !wanted.contains(channel)).cloned().collect();
        for channel in gone {
            self.subscribed.remove(&channel);
            match in_time(self.server, self.sink.unsubscribe(&channel))
                .await
                .map_err(|error| self.server.explain(error))
            {
                // Its messages reach nobody.
                Err(error) if error.is_denied() => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn deny(&mut self, channel: &str, error: &Error) {
        self.denied.insert(channel.to_owned(), Instant::now());
        if !std::mem::replace(self.denial_logged, true) {
            warn!("not permitted to listen for new snapshots, so readers find them only by polling: {error}");
        }
    }

    /// Whether the server still answers. An error is an answer.
    async fn ping(&mut self) -> Result<()> {
        match in_time(self.server, self.sink.ping::<Value>()).await {
            Err(error) if error.is_io_error() || error.is_connection_dropped() => Err(self.server.explain(error)),
            // Channels that were denied may be allowed now.
            _ => self.update().await,
        }
    }
}

async fn in_time<T>(server: &Server, answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(server.options.response_timeout(), answer).await.map_err(std::io::Error::from)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_its_maximum_and_is_spread() {
        assert_eq!(backoff(0, 0), MIN_BACKOFF / 2);
        assert_eq!(backoff(0, u32::MAX), MIN_BACKOFF);
        assert_eq!(backoff(1, u32::MAX), 2 * MIN_BACKOFF);
        for failures in [6, 31, 32, u32::MAX] {
            assert_eq!(backoff(failures, u32::MAX), MAX_BACKOFF);
            assert_eq!(backoff(failures, 0), MAX_BACKOFF / 2);
        }
    }
}
