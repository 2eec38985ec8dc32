//! The same reader for code without a runtime, or that must not depend on one.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::{mpsc as orders, oneshot};
use tokio::task::JoinSet;

use super::builder::Opened;
use super::freshness::State;
use super::local::{Local, reads};
use super::upkeep::Upkeep;
use super::{Address, Builder, Ref, Snapshot};
use kiwi_store::{Error, Id, Name, Result};

/// A cache read from memory, by keys, as values of type `V`: for code that is not async.
///
/// A thread of its own looks every `reload_ttl` whether the store has another snapshot, and loads it,
/// so it works without a tokio runtime as well as inside one. While the store, the host or the source
/// is away, the last snapshot is served; [`state`](Self::state) and [`age`](Self::age) tell. Cheap to
/// clone; the thread has ended when the drop of the last clone returns.
///
/// ```no_run
/// use kiwi_cache::blocking::Cache;
///
/// #[derive(serde::Deserialize)]
/// struct Airline {
///     name: String,
/// }
///
/// let airlines: Cache<Airline> = Cache::connect("redis://127.0.0.1:6379", "airlines")?;
/// if let Some(airline) = airlines.get("FR")? {
///     println!("{} ({:?} old)", airline.name, airlines.age());
/// }
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
pub struct Cache<V> {
    inner: Arc<Inner<V>>,
}

struct Inner<V> {
    local: Arc<Local<V>>,
    /// Absent where the map is fixed.
    thread: Option<Thread>,
}

/// The thread that reloads. It blocks nobody but itself, and ends when this is dropped.
struct Thread {
    orders: orders::UnboundedSender<Order>,
    /// Dropped to stop the thread, even in the middle of a load.
    stop: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

/// What the thread is told to do, with where to say how that went.
enum Order {
    Reload(Reply),
    ReadThrough { since: Instant, reply: Reply },
}

type Reply = mpsc::Sender<Result<()>>;

impl Thread {
    fn order(&self, name: &Name, order: impl FnOnce(Reply) -> Order) -> Result<()> {
        let (reply, answer) = mpsc::channel();
        // Where the thread is gone the reply is dropped, which `recv` sees.
        let _ = self.orders.send(order(reply));
        answer.recv().unwrap_or_else(|_| Err(panicked(name)))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(handle) = self.handle.take() {
            // A panic in it (a `Deserialize` that panics) was reported by the thread itself.
            let _ = handle.join();
        }
    }
}

impl<V: DeserializeOwned + Send + Sync + 'static> Cache<V> {
    /// Connects to a store (a URL, or one that is open already) and loads a cache from it.
    ///
    /// # Errors
    /// No snapshot is there (`is_missing`), a value of it is no `V` (`is_value`), the store cannot be
    /// reached (`is_unavailable`) or refuses us (`is_denied`), or the URL or name is wrong (`is_invalid`).
    pub fn connect(store: impl Into<Address>, name: impl TryInto<Name, Error = Error>) -> Result<Self> {
        Self::builder(name).store(store).connect()
    }

    /// Looks at the store now and loads its snapshot if it is another one, without waiting for the
    /// reload thread's next turn.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); what was loaded before is served on.
    pub fn reload(&self) -> Result<()> {
        match &self.inner.thread {
            Some(thread) => thread.order(self.name(), Order::Reload),
            None => Ok(()),
        }
    }

    /// As [`get`](Self::get), but where no snapshot was ever loaded here, gets one first: from the store,
    /// or else from the source, by the host that is asked for it or by [`Builder::refill_by`].
    ///
    /// Never waits while there is a snapshot to serve, however old. All who find none at the same time
    /// wait for one attempt, and share how it ends. For a service that begins with
    /// [`start_missing`](Builder::start_missing).
    ///
    /// # Errors
    /// Nothing came (`is_missing`, or by [`Builder::max_attempts`] the failure itself); or what is
    /// published cannot be read, as with [`connect`](Self::connect).
    pub fn get_or_refill(&self, key: &str) -> Result<Option<Ref<V>>> {
        if let Some(thread) = &self.inner.thread
            && self.local().is_missing()
        {
            let since = Instant::now();
            thread.order(self.name(), |reply| Order::ReadThrough { since, reply })?;
        }
        self.get(key)
    }

    /// Sets up a reader otherwise than by default.
    ///
    /// ```no_run
    /// use kiwi_cache::blocking::Cache;
    /// use std::time::Duration;
    ///
    /// let rates: Cache<f64> = Cache::builder("rates")
    ///     .store("file:.kiwi")
    ///     .reload_ttl(Duration::from_secs(5))
    ///     .wait_for(Duration::from_secs(30))
    ///     .connect()?;
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn builder(name: impl TryInto<Name, Error = Error>) -> Builder<Self> {
        Builder::new(name.try_into())
    }
}

impl<V: DeserializeOwned + Send + Sync + 'static> Builder<Cache<V>> {
    /// Connects and loads: see [`Cache::connect`].
    ///
    /// # Errors
    /// As [`Cache::connect`].
    pub fn connect(self) -> Result<Cache<V>> {
        let opened = self.open()?;
        let name = opened.name.clone();
        let (orders, inbox) = orders::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (ready, first) = mpsc::channel();
        let handle = std::thread::Builder::new()
            .name("kiwi-reload".to_owned())
            .spawn(move || run(opened, inbox, stopped, ready))
            .map_err(|error| no_thread(error).of(&name))?;
        let thread = Thread { orders, stop: Some(stop), handle: Some(handle) };
        let local = first.recv().unwrap_or_else(|_| Err(panicked(&name)))?;
        Ok(Cache { inner: Arc::new(Inner { local, thread: Some(thread) }) })
    }
}

impl<V> Builder<Cache<V>> {
    /// Ends without a store: as [`Cache::fixed`], under this name and with this `missing` hook.
    ///
    /// # Errors
    /// The name is wrong (`is_invalid`).
    pub fn fixed<K: Into<Box<str>>>(self, entries: impl IntoIterator<Item = (K, V)>) -> Result<Cache<V>> {
        let (name, missing) = self.unopened()?;
        Ok(Cache { inner: Arc::new(Inner { local: Arc::new(Local::fixed_as(name, entries, missing)), thread: None }) })
    }
}

/// The thread: a runtime of its own, in which the store's connection lives too.
fn run<V: DeserializeOwned + Send + Sync + 'static>(
    opened: Opened<V>,
    inbox: orders::UnboundedReceiver<Order>,
    stopped: oneshot::Receiver<()>,
    ready: mpsc::Sender<Result<Arc<Local<V>>>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listens any more only if `connect` is gone too.
            let _ = ready.send(Err(no_thread(error).of(&opened.name)));
            return;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = async {
                match Upkeep::start(opened).await {
                    Ok(upkeep) => {
                        let _ = ready.send(Ok(Arc::clone(upkeep.local())));
                        serve(Arc::new(upkeep), inbox).await;
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            } => {}
        }
    });
    // A name that is still being resolved must not hold up the drop that waits for this thread.
    runtime.shutdown_background();
}

/// Does what is ordered, until nobody can order any more. One order does not wait for another.
async fn serve<V: DeserializeOwned + Send + Sync + 'static>(
    upkeep: Arc<Upkeep<V>>,
    mut inbox: orders::UnboundedReceiver<Order>,
) {
    let mut tasks = JoinSet::new();
    while let Some(order) = inbox.recv().await {
        // Those that are done; a panic in one was reported by the thread itself.
        while tasks.try_join_next().is_some() {}
        let upkeep = Arc::clone(&upkeep);
        tasks.spawn(async move {
            let (reply, outcome) = match order {
                Order::Reload(reply) => (reply, upkeep.reload().await),
                Order::ReadThrough { since, reply } => (reply, upkeep.read_through(since).await),
            };
            let _ = reply.send(outcome);
        });
    }
}

fn no_thread(error: std::io::Error) -> Error {
    Error::unavailable(format!("failed to start the reload thread: {error}")).because(error)
}

fn panicked(name: &Name) -> Error {
    Error::unavailable("the reload thread has panicked: its message is on stderr, connect again").of(name)
}

impl<V> Cache<V> {
    /// A cache that always holds these entries, is always fresh, and needs no store and no thread:
    /// for the unit tests of services. Its name is `fixed`.
    ///
    /// ```
    /// use kiwi_cache::blocking::Cache;
    ///
    /// let airlines = Cache::fixed([("FR", "Ryanair")]);
    /// assert_eq!(*airlines.get("FR")?.unwrap(), "Ryanair");
    /// assert!(airlines.get("XX")?.is_none());
    /// # Ok::<(), kiwi_cache::Error>(())
    /// ```
    pub fn fixed<K: Into<Box<str>>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { inner: Arc::new(Inner { local: Arc::new(Local::fixed(entries)), thread: None }) }
    }

    reads!();

    fn local(&self) -> &Local<V> {
        &self.inner.local
    }
}

impl<V> Clone for Cache<V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<V> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local().fmt(f)
    }
}
