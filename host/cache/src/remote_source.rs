//! Reads of a cache in the store itself, as JSON text.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::failure::{no_data, wrong_value};
use crate::found::Found;
use crate::source::Source;
use kiwi_store::{LookUp, Name, Presence, Result, Status};

/// A cache that is read from the store itself. It reports each read that fails.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSource(Source);

impl RemoteSource {
    pub(crate) fn new(source: Source) -> Self {
        Self(source)
    }

    pub(crate) fn name(&self) -> &Name {
        &self.0.name
    }

    pub(crate) fn location(&self) -> &str {
        self.0.store.location()
    }

    /// The values of some keys, in the order of the keys and all of one snapshot.
    pub(crate) async fn read(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.report_failure(self.try_read(keys).await)
    }

    /// The value of one key, and the snapshot that it is of.
    pub(crate) async fn look_up(&self, key: &str) -> Result<LookUp> {
        self.report_failure(self.try_look_up(key).await)
    }

    /// How many entries what is published has.
    pub(crate) async fn len(&self) -> Result<u64> {
        self.report_failure(self.try_len().await)
    }

    pub(crate) async fn status(&self) -> Result<Status> {
        self.report_failure(self.0.store.status(&self.0.name).await)
    }

    /// Parses the values that were read of these keys.
    pub(crate) fn parse<V: DeserializeOwned>(
        &self,
        keys: &[impl AsRef<str>],
        values: Vec<Option<Bytes>>,
    ) -> Result<Vec<Option<V>>> {
        let parse = |key: &str, json: Bytes| {
            serde_json::from_slice(&json).map_err(|error| wrong_value::<V>(&self.0.name, key, error))
        };
        let values = keys.iter().zip(values);
        values.map(|(key, json)| json.map(|json| parse(key.as_ref(), json)).transpose()).collect()
    }

    /// Parses the value of one key that was looked up.
    pub(crate) fn found<V: DeserializeOwned>(&self, key: &str, found: LookUp) -> Result<Found<V>> {
        let LookUp { now, head, hash, values, .. } = found;
        Ok(Found::new(self.parse(&[key], values)?.pop().flatten(), &head, now, hash))
    }

    async fn try_read(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        let Source { store, name, .. } = &self.0;
        match store.peek(name, keys).await? {
            Some(values) => Ok(values),
            None => Err(no_data(&**store, name, &store.status(name).await?.presence)),
        }
    }

    async fn try_look_up(&self, key: &str) -> Result<LookUp> {
        let Source { store, name, .. } = &self.0;
        match store.look_up(name, &[key]).await? {
            Some(found) => Ok(found),
            None => Err(no_data(&**store, name, &store.status(name).await?.presence)),
        }
    }

    async fn try_len(&self) -> Result<u64> {
        let Source { store, name, .. } = &self.0;
        match store.status(name).await?.presence {
            Presence::Whole(head) => Ok(head.entries),
            Presence::Foreign(_) => {
                let whole = store.whole(name).await?;
                whole.map(|whole| whole.head().entries).ok_or_else(|| no_data(&**store, name, &Presence::Missing))
            }
            presence => Err(no_data(&**store, name, &presence)),
        }
    }

    fn report_failure<T>(&self, outcome: Result<T>) -> Result<T> {
        self.0.metrics.report_failure(&self.0.name, &outcome);
        outcome
    }
}
