//! Loaders in Rust: a type of the service that embeds the host.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::loader::load_error::LoadError;
use crate::loader::output::Output;

/// A loader in plain Rust: loads the whole map of a cache from its source.
///
/// It runs inside the service, and not in a sandbox: it may do whatever the service may. It goes the
/// same way as a component otherwise: the lease, the checks of each entry, the batches, the atomic
/// commit. Of [`Limits`](crate::Limits) these hold: `load_timeout`, `entries`, `total_bytes`, `key_bytes`,
/// `value_bytes` and `json_depth`. The others bound a sandbox, and mean nothing here. A panic is a failure
/// of this load, and of nothing else.
///
/// Code that never awaits cannot be stopped: `load_timeout` and a shutdown end the load without it, and it
/// keeps its thread until it returns. Long computations belong in `tokio::task::spawn_blocking`.
///
/// ```
/// use kiwi_host::{LoadError, Loader, Output};
///
/// struct Airlines {
///     csv: std::path::PathBuf,
/// }
///
/// impl Loader for Airlines {
///     async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
///         let text = tokio::fs::read_to_string(&self.csv).await?;
///         for (code, name) in text.lines().filter_map(|line| line.split_once(',')) {
///             out.emit(code, name).await?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Loader: Send + Sync + 'static {
    /// Loads the whole map, and hands it over entry by entry with [`Output::emit`]: it is published
    /// when this returns `Ok`, all of it in one step. What is in the map that was published before, and
    /// is not emitted now, is gone.
    ///
    /// # Errors
    /// The loader's own word for why it could not. Then nothing is published, and what was published
    /// before stays. `?` turns any error into [`LoadError::other`].
    fn load_from_source(&self, out: &mut Output) -> impl Future<Output = Result<(), LoadError>> + Send;

    /// What marks are bound to, besides the name of the type: [`Output::mark`] is none if the mark was
    /// left by a loader of another version. Change it when you change what the loader gives, or whenever
    /// it is made with something else, so that the next load does not call its source unchanged.
    fn version(&self) -> &str {
        ""
    }

    /// Whether every host that runs this cache loads the same map from the same source. Then a refill that has to wait
    /// for another host's is content with what that one has published. `false` for a map that was handed to this loader:
    /// a refill waits as well, and then publishes it all the same.
    fn shares_source(&self) -> bool {
        true
    }
}

/// [`Loader`] as an object: what it returns is boxed.
trait BoxedLoader: Send + Sync {
    fn load_from_source<'a>(&'a self, out: &'a mut Output) -> BoxFuture<'a, Result<(), LoadError>>;
    fn version(&self) -> &str;
    fn shares_source(&self) -> bool;
    fn type_name(&self) -> &'static str;
}

impl<L: Loader> BoxedLoader for L {
    fn load_from_source<'a>(&'a self, out: &'a mut Output) -> BoxFuture<'a, Result<(), LoadError>> {
        Box::pin(Loader::load_from_source(self, out))
    }

    fn version(&self) -> &str {
        Loader::version(self)
    }

    fn shares_source(&self) -> bool {
        Loader::shares_source(self)
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<L>()
    }
}

/// A [`Loader`] of any type. Cheap to clone.
#[derive(Clone)]
pub struct NativeLoader(Arc<dyn BoxedLoader>);

impl NativeLoader {
    /// Takes a loader.
    pub fn new(loader: impl Loader) -> Self {
        Self(Arc::new(loader))
    }

    pub(crate) async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        self.0.load_from_source(out).await
    }

    pub(crate) fn shares_source(&self) -> bool {
        self.0.shares_source()
    }

    /// Names the type and its version: another one's marks mean nothing to it.
    pub(crate) fn identity(&self) -> String {
        format!("{self} {}", self.0.version())
    }
}

/// The name of its type.
impl fmt::Display for NativeLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.type_name())
    }
}

impl fmt::Debug for NativeLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
