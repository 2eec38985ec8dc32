//! A server that loses keys, all of them or parts of them, and gets old ones back.

use super::counts::Count;
use super::record::Record;
use super::*;

const HASH: &str = "kiwi:{chaos}";
const META: &str = "kiwi:{chaos}:meta";
const LOG: &str = "kiwi:{chaos}:log";
const VERSIONS: &str = "kiwi:{chaos}:v:*";

/// So many versions are kept in a dump, beside the one that is published.
const KEPT_VERSIONS: usize = 8;

/// Destroys, and looks for keys without a TTL.
pub(super) fn destroy(url: &str, record: &Record) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut dump = Vec::new();
    while !record.is_over() {
        let immortal: Vec<String> = redis::cmd("EVAL").arg(IMMORTAL).arg(0).query(&mut connection).unwrap();
        if !immortal.is_empty() {
            record.is_wrong(format!("keys without a TTL: {immortal:?}"));
        }
        let done = match fastrand::u16(..1_000) {
            0..3 => {
                record.harm.does(|| redis::cmd("FLUSHALL").exec(&mut connection)).unwrap();
                Some(Count::Flushes)
            }
            3..50 => {
                dump = take_dump(&mut connection);
                None
            }
            50..75 => record.harm.does(|| restore(&mut connection, &dump)).then_some(Count::Restores),
            75..95 => record.harm.does(|| lose_key(&mut connection, "*")).then_some(Count::LostKeys),
            // What a writer is about to commit.
            95..150 => lose_field(&mut connection, "kiwi:{chaos}:staging:*").then_some(Count::LostStaged),
            150..165 => lose_field(&mut connection, VERSIONS).then_some(Count::LostSegments),
            _ => None,
        };
        done.into_iter().for_each(|count| record.counts.add(count));
        std::thread::sleep(Duration::from_millis(fastrand::u64(1..10)));
    }
}

fn keys(connection: &mut redis::Connection, pattern: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(pattern).query(connection).unwrap()
}

fn lose_key(connection: &mut redis::Connection, pattern: &str) -> bool {
    let Some(key) = fastrand::choice(keys(connection, pattern)) else { return false };
    redis::cmd("UNLINK").arg(key).query(connection).unwrap()
}

fn lose_field(connection: &mut redis::Connection, pattern: &str) -> bool {
    let Some(key) = fastrand::choice(keys(connection, pattern)) else { return false };
    let field: Option<String> = redis::cmd("HRANDFIELD").arg(&key).query(connection).unwrap();
    let Some(field) = field else { return false };
    redis::cmd("HDEL").arg(key).arg(field).query(connection).unwrap()
}

/// What a key was at some moment. Keys that were not there are kept as such.
type Dump = Vec<(String, Option<Vec<u8>>)>;

/// What is published at one moment, and some versions.
fn take_dump(connection: &mut redis::Connection) -> Dump {
    let mut versions = keys(connection, VERSIONS);
    fastrand::shuffle(&mut versions);
    versions.truncate(KEPT_VERSIONS);
    let published: Option<String> = redis::cmd("HGET").arg(META).arg("version").query(connection).unwrap();
    versions.extend(published.map(|id| VERSIONS.replace('*', &id)));
    let keys: Vec<String> = [HASH, META, LOG].map(str::to_owned).into_iter().chain(versions).collect();
    let mut dump = redis::pipe();
    dump.atomic();
    for key in &keys {
        dump.cmd("DUMP").arg(key);
    }
    let dumps: Vec<Option<Vec<u8>>> = dump.query(connection).unwrap();
    keys.into_iter().zip(dumps).collect()
}

/// Brings old keys back, all or some of them.
fn restore(connection: &mut redis::Connection, dump: &Dump) -> bool {
    let kind = fastrand::u8(..4);
    let is_wanted = |key: &str| match kind {
        // The hash comes back with the meta that names what it shows: else nothing tells it from another one of its length.
        0 => key == HASH || key == META,
        1 => key == LOG,
        2 => key.contains(":v:"),
        _ => true,
    };
    let mut restore = redis::pipe();
    restore.atomic();
    for (key, dump) in dump.iter().filter(|(key, _)| is_wanted(key)) {
        match dump {
            Some(dump) => restore.cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE"),
            None => restore.cmd("UNLINK").arg(key),
        };
    }
    restore.exec(connection).unwrap();
    restore.cmd_iter().next().is_some()
}
