//! A control: a reader that goes by the number of deltas, and not by their ids. It must get wrong maps.

use std::collections::HashMap;

use kiwi_store::testing::{read_chunk, read_delta};

use super::counts::Count;
use super::record::Record;
use super::*;

/// The fields of a version.
type Fields = HashMap<String, Vec<u8>>;

/// The records of a log: each a place, and names and values in turn.
type Log = Vec<(String, Vec<Vec<u8>>)>;

/// Loads whole maps: the version, and over it as many of the last deltas as meta says that lead on from it.
pub(super) fn read(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    while !record.is_over() {
        match load(&mut connection) {
            Some((id, map)) => {
                let what = "a load by number of";
                if let Some(mut comparison) = record.comparison(what, id) {
                    map.iter().for_each(|(key, value)| comparison.add(key, value));
                    record.conclude(what, id, &comparison);
                }
                record.counts.add(Count::Loads);
            }
            None => record.counts.add(Count::Absences),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// `None`: it is missing, or some of it is.
fn load(connection: &mut redis::Connection) -> Option<(Id, Map)> {
    let mut step = redis::pipe();
    step.atomic().cmd("HGETALL").arg("kiwi:{chaos}:meta").cmd("XRANGE").arg("kiwi:{chaos}:log").arg("-").arg("+");
    let (meta, log): (Fields, Log) = step.query(connection).unwrap();
    let text = |field: &str| std::str::from_utf8(meta.get(field)?).ok();
    let id = text("id")?.parse().ok()?;
    let chunks = match text("version")? {
        "" => vec![meta.get("inline")?.clone()],
        version => {
            let version = redis::cmd("HGETALL").arg(format!("kiwi:{{chaos}}:v:{version}")).query(connection);
            let mut fields: Fields = version.unwrap();
            fields.remove("manifest")?;
            (fields.len() == text("segments")?.parse::<usize>().ok()?).then(|| fields.into_values().collect())?
        }
    };
    let mut map = Map::new();
    for chunk in chunks {
        set(&mut map, &read_chunk(chunk).unwrap());
    }
    let steps = text("steps")?.parse::<usize>().ok()?;
    for (_, fields) in log.get(log.len().checked_sub(steps)?..)? {
        let delta = read_delta(fields.last()?.clone()).unwrap();
        set(&mut map, &delta.set);
        for key in &delta.removed {
            map.remove(key);
        }
    }
    Some((id, map))
}

fn set(map: &mut Map, entries: &Batch) {
    map.extend(entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
}
