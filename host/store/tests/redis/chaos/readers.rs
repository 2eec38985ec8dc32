//! Readers of whole maps and of some keys, and readers of the hash as any client is one.

use std::sync::Arc;

use kiwi_store::Reading;

use super::counts::Count;
use super::record::Record;
use super::snapshot::{any_key, key};
use super::*;

/// Loads whole maps, as a reader does but without its own proof, and compares; and reads some keys.
pub(super) async fn read(store: Redis, cache: Name, record: Arc<Record>) {
    while !record.is_over() {
        match load(&store, &cache, &record).await {
            Ok(true) => record.counts.add(Count::Loads),
            Ok(false) => record.counts.add(Count::Absences),
            Err(error) => {
                may_be_damaged::<()>(Err(error));
                record.counts.add(Count::Broken);
            }
        }
        get(&store, &cache, &record).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// `false`: there is nothing.
async fn load(store: &Redis, cache: &Name, record: &Record) -> kiwi_store::Result<bool> {
    let Some(mut whole) = store.whole(cache).await? else { return Ok(false) };
    let (what, id) = ("a whole load of", whole.head().id);
    let mut comparison = record.comparison(what, id);
    while let Some(part) = whole.next().await {
        let (entries, _) = part?.unpack()?;
        if let Some(comparison) = &mut comparison {
            entries.iter().for_each(|(key, value)| comparison.add(key, value));
        }
        if fastrand::u8(..) < 3 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..100))).await;
        }
    }
    if let Some(comparison) = comparison {
        record.conclude(what, id, &comparison);
    }
    Ok(true)
}

/// The values of some keys are of one snapshot.
async fn get(store: &Redis, cache: &Name, record: &Record) {
    let wanted: Vec<usize> = (0..20).map(|_| any_key()).collect();
    let keys: Vec<&str> = wanted.iter().map(|&number| key(number)).collect();
    let Some(Some(values)) = may_be_damaged(store.get(cache, &keys).await) else { return };
    let values: Vec<Option<&str>> =
        values.iter().map(|value| value.as_ref().map(|value| std::str::from_utf8(value).unwrap())).collect();
    if !record.any(|snapshot| wanted.iter().zip(&values).all(|(&number, &value)| snapshot.has(number, value))) {
        record.is_wrong(format!("a read of {keys:?}: no map has {values:?}"));
    }
    record.counts.add(Count::Gets);
}

/// Reads the hash as any client does, some keys or all of it, and compares it with what meta says that it shows.
pub(super) fn read_views(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    while !record.is_over() {
        // A pause now and then: the others are to have their turn.
        for _ in 0..20 {
            if fastrand::u8(..) < 8 {
                read_whole_view(&mut connection, record);
            } else {
                read_view(&mut connection, record);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the hash shows, its length, and what this command reads of it, in one step. `None`: it shows nothing that can be
/// compared.
fn shown<T: redis::FromRedisValue>(
    connection: &mut redis::Connection,
    record: &Record,
    read: redis::Cmd,
) -> Option<(Id, usize, T)> {
    let before = record.harm.before_read();
    let mut step = redis::pipe();
    step.atomic().cmd("HGET").arg("kiwi:{chaos}:meta").arg("view").cmd("HLEN").arg("kiwi:{chaos}").add_command(read);
    let (view, length, read): (Option<String>, usize, T) = step.query(connection).unwrap();
    let view = view?;
    if view.contains('>') {
        record.counts.add(Count::ViewsOnTheWay);
        return None;
    }
    if view.is_empty() || length == 0 {
        if !record.harm.is_excuse(before) {
            record.is_wrong(format!("the hash is to show `{view}`, has {length} entries, and nobody has harmed it"));
        }
        return None;
    }
    record.harm.is_healed(before);
    Some((view.parse().unwrap(), length, read))
}

fn read_view(connection: &mut redis::Connection, record: &Record) {
    let wanted: Vec<usize> = (0..50).map(|_| any_key()).collect();
    let mut read = redis::cmd("HMGET");
    read.arg("kiwi:{chaos}").arg(wanted.iter().map(|&number| key(number)).collect::<Vec<_>>());
    let Some((id, length, values)) = shown::<Vec<Option<String>>>(connection, record, read) else { return };
    let Some(expected) = record.snapshot(id) else {
        return record.is_wrong(format!("the hash shows {id}, which was never published"));
    };
    let wrong = wanted.iter().zip(&values).filter(|&(&number, value)| !expected.has(number, value.as_deref())).count();
    if wrong > 0 || length != expected.entries() {
        let (entries, keys) = (expected.entries(), wanted.len());
        record.is_wrong(format!("the hash of {id}: {length} entries, {entries} expected, {wrong} of {keys} wrong"));
    }
    record.counts.add(Count::Views);
}

fn read_whole_view(connection: &mut redis::Connection, record: &Record) {
    let mut read = redis::cmd("HGETALL");
    read.arg("kiwi:{chaos}");
    let Some((id, _, entries)) = shown::<Vec<(String, String)>>(connection, record, read) else { return };
    let what = "the whole hash of";
    if let Some(mut comparison) = record.comparison(what, id) {
        entries.iter().for_each(|(key, value)| comparison.add(key, value));
        record.conclude(what, id, &comparison);
    }
    record.counts.add(Count::WholeViews);
}
