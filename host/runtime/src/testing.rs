//! For benchmarks.

use std::sync::Arc;

use crate::config::connection::Connection;
use crate::config::limits::Limits;
use crate::entries::progress::Progress;
use crate::failure::Failure;
use crate::loader::load_error::LoadError;
use crate::loader::native::Loader;
use crate::loader::output::Output;
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::sql::{Databases, Session, SqlLimits};

/// A table in a database. As a loader it does what the plugin `table` does, by the same code but without a sandbox: what
/// remains is the sandbox.
#[derive(Clone, Debug)]
pub struct Table {
    /// The database.
    pub connection: Connection,
    /// One SELECT.
    pub statement: String,
    /// The column that is the key.
    pub key: String,
    /// Those of the cache.
    pub limits: Limits,
}

impl Table {
    /// Connects, and asks for the moment, as a refill of an unchanged table does.
    ///
    /// # Errors
    /// The database is away, or refuses.
    pub async fn connect(&self) -> Result<(), Failure> {
        self.open(&Arc::default()).await?.moment().await.map(drop)
    }

    /// Reads all rows, each as an object with its key, and returns how many.
    ///
    /// # Errors
    /// The database is away, or refuses; a limit.
    pub async fn read(&self) -> Result<u64, Failure> {
        let mut rows = self.open(&Arc::default()).await?.query(self.statement.clone(), Vec::new()).await?;
        let key = rows.key(std::slice::from_ref(&self.key), String::new())?;
        let mut count = 0;
        loop {
            match rows.next_with_keys(&key).await?.len() {
                0 => return Ok(count),
                more => count += more as u64,
            }
        }
    }

    async fn open(&self, progress: &Arc<Progress>) -> Result<Session, Failure> {
        let (databases, secrets) = (Databases::default(), LoadSecrets::default());
        databases.open(&self.connection, SqlLimits::of(&self.limits), progress, &secrets).await
    }

    async fn load(&self, out: &mut Output) -> Result<Option<String>, Failure> {
        let session = self.open(out.intake().progress()).await?;
        let moment = session.moment().await?;
        let mut rows = session.query(self.statement.clone(), Vec::new()).await?;
        rows.emit(std::slice::from_ref(&self.key), String::new(), out.intake()).await?;
        Ok(moment)
    }
}

impl Loader for Table {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        let moment = self.load(out).await.map_err(|failure| LoadError::from_refusal(&failure))?;
        if let Some(moment) = moment {
            out.set_mark(moment);
        }
        Ok(())
    }
}
