//! The databases of a host: who may connect, and that connections end with their loads.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dialect::Dialect;
use super::session::{Line, QUESTIONS, Question, Session, SqlLimits};
use super::target::Target;
use crate::config::connection::Connection;
use crate::config::limits::Limits;
use crate::entries::progress::{Progress, Waiting};
use crate::failure::{Failure, FailureKind};
use crate::outside::load_secrets::LoadSecrets;

/// The longest wait for a server to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The databases of a host. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Databases(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The places of each connection, as it is defined: how many loads may use it at a time. Another definition of the same
    /// name has places of its own, and these are gone when their last load has ended.
    places: Mutex<Vec<(Connection, Weak<Semaphore>)>>,
    /// The tasks that hold connections.
    tasks: TaskTracker,
}

impl Databases {
    /// Connects, when there is a place.
    ///
    /// # Errors
    /// The database is away or refuses, or too many loads use it for too long (`Unavailable`); its settings are wrong
    /// (`InvalidSettings`).
    pub(crate) async fn open(
        &self,
        connection: &Connection,
        limits: SqlLimits,
        progress: &Arc<Progress>,
        secrets: &LoadSecrets,
    ) -> Result<Session, Failure> {
        let name = &connection.name;
        let named =
            |failure: Failure| Failure { message: format!("database `{name}`: {}", failure.message), ..failure };
        let target = Target::of(connection, secrets).await.map_err(named)?;
        let timeout = connection.timeout;
        let what = |what: &str| Waiting::World(format!("{what} the database `{name}`").into());
        let places = self.places(connection);
        let place = bounded(timeout, progress.waiting_for(what("a free connection to"), places.acquire_owned())).await;
        let Some(Ok(place)) = place else {
            let message = format!(
                "no free connection within {:?}: other loads use all {}; raise `max_connections` in [connections.{name}]",
                timeout.unwrap_or_default(),
                connection.max_connections
            );
            return Err(named(Failure::new(FailureKind::Unavailable, message)));
        };
        let connect = connect(&target, limits, CONNECT_TIMEOUT.min(timeout.unwrap_or(CONNECT_TIMEOUT)));
        let serve = progress.waiting_for(what("a connection to"), connect).await.map_err(named)?;

        let (questions, asked) = mpsc::channel(QUESTIONS);
        let ended = CancellationToken::new();
        let line = Line::new(name, questions, timeout, progress.clone(), ended.clone().drop_guard());
        self.0.tasks.spawn(async move {
            serve(asked, ended).await;
            // Only now is the server rid of it.
            drop(place);
        });
        Ok(Session::new(target.dialect, line, limits))
    }

    /// Waits until the servers know that all loads have ended.
    pub(crate) async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.tasks.reopen();
    }

    fn places(&self, connection: &Connection) -> Arc<Semaphore> {
        let mut all = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, places)| places.strong_count() > 0);
        if let Some(places) = all.iter().find(|(of, _)| of == connection).and_then(|(_, places)| places.upgrade()) {
            return places;
        }
        let places = Arc::new(Semaphore::new(connection.max_connections.get()));
        all.push((connection.clone(), Arc::downgrade(&places)));
        places
    }
}

/// Connects to a database, and asks it for a moment of its time.
///
/// # Errors
/// It cannot be reached, or refuses (`Unavailable`); its settings are wrong (`InvalidSettings`). The message has no secrets.
pub async fn try_connection(connection: &Connection) -> Result<(), Failure> {
    let (databases, secrets) = (Databases::default(), LoadSecrets::default());
    let tried = async {
        let session = databases.open(connection, SqlLimits::of(&Limits::default()), &Arc::default(), &secrets).await?;
        session.moment().await
    };
    let tried = tried.await;
    databases.ended().await;
    tried.map(drop).map_err(|failure| secrets.scrub_failure(failure))
}

/// `None`: it took too long.
async fn bounded<T>(timeout: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match timeout {
        Some(timeout) => tokio::time::timeout(timeout, work).await.ok(),
        None => Some(work.await),
    }
}

/// Holds a connection: answers what is asked until nobody asks any more.
type Serve = Box<dyn FnOnce(mpsc::Receiver<Question>, CancellationToken) -> BoxFuture<'static, ()> + Send>;

async fn connect(target: &Target, limits: SqlLimits, timeout: Duration) -> Result<Serve, Failure> {
    let connect = async {
        let serve: Serve = match target.dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let connected = super::postgres::connect(target, limits, timeout).await?;
                Box::new(|asked, ended| connected.serve(asked, ended).boxed())
            }
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let connected = super::mysql::connect(target, limits).await?;
                Box::new(|asked, ended| connected.serve(asked, ended).boxed())
            }
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                let connected = super::sqlite::connect(target, limits).await?;
                Box::new(|asked, ended| connected.serve(asked, ended).boxed())
            }
            #[cfg(not(all(feature = "postgres", feature = "mysql", feature = "sqlite")))]
            other => return Err(not_built(other)),
        };
        Ok(serve)
    };
    tokio::time::timeout(timeout, connect).await.unwrap_or_else(|_| {
        Err(Failure::new(FailureKind::Unavailable, format!("no connection within {timeout:?}: is the address right?")))
    })
}

#[cfg(not(all(feature = "postgres", feature = "mysql", feature = "sqlite")))]
fn not_built(dialect: Dialect) -> Failure {
    let dialect = dialect.as_str();
    let message = format!("this kiwi-host was built without `{dialect}`: build it with `--features {dialect}`");
    Failure::new(FailureKind::InvalidSettings, message)
}
