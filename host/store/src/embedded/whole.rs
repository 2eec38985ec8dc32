//! A whole load: one read transaction, from which a batch is copied at a time.

use std::ops::Bound;
use std::time::{Duration, Instant};

use futures_util::stream;
use heed::{RoTxn, WithoutTls};

use super::directory::Directory;
use super::environment::Data;
use super::failure::Result;
use super::record::Millis;
use super::store::Embedded;
use crate::{Batch, Error, Name, Part, Result as StoreResult, Whole};

/// About as much of a map as is copied in a millisecond.
const BATCH_ENTRIES: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

/// How long a load may take: no page that it sees is reused meanwhile, and the file grows.
const MAX_LOAD: Duration = Duration::from_secs(60);

/// What is left of a load.
struct Rest {
    txn: RoTxn<'static, WithoutTls>,
    data: Data,
    /// The last key that was read.
    last: Option<String>,
    opened: Instant,
}

pub(super) async fn open(store: &Embedded, cache: &Name) -> StoreResult<Option<Whole>> {
    let name = cache.clone();
    let found = store.on_disk(cache, move |directory, _| begin(directory, &name)).await?;
    let Some((head, rest)) = found else { return Ok(None) };
    let (store, cache) = (store.clone(), cache.clone());
    let parts = stream::unfold(Some(rest), move |rest| {
        let (store, cache) = (store.clone(), cache.clone());
        async move {
            let rest = rest?;
            if rest.opened.elapsed() > MAX_LOAD {
                let error = Error::unavailable("reading all of it took more than a minute: read it again").of(&cache);
                return Some((Err(error), None));
            }
            match store.on_disk(&cache, move |_, _| rest.next()).await {
                Ok(Some((batch, rest))) => Some((Ok(Part::of(batch)), Some(rest))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    Ok(Some(Whole::new(head, parts)))
}

fn begin(directory: &Directory, cache: &Name) -> Result<Option<(crate::Head, Rest)>> {
    let Some(environment) = directory.find(cache)? else { return Ok(None) };
    let txn = environment.read_for_long()?;
    let Some(published) = environment.whole(&txn, Millis::now())? else { return Ok(None) };
    let data = environment.data(published.loaded.slot);
    Ok(Some((published.into_head(), Rest { txn, data, last: None, opened: Instant::now() })))
}

impl Rest {
    fn next(mut self) -> Result<Option<(Batch, Self)>> {
        let start = self.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut batch = Batch::default();
        let mut last = None;
        for entry in self.data.range(&self.txn, &(start, Bound::Unbounded))? {
            let (key, value) = entry?;
            batch.push(key, value);
            if batch.len() >= BATCH_ENTRIES || batch.bytes() >= BATCH_BYTES {
                last = Some(key.to_owned());
                break;
            }
        }
        if batch.is_empty() {
            return Ok(None);
        }
        // Without a last key the end was reached: the next batch is empty, behind any key.
        self.last = last.or_else(|| batch.iter().last().map(|(key, _)| key.to_owned()));
        Ok(Some((batch, self)))
    }
}
