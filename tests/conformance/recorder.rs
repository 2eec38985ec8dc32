//! Makes the recordings: what today's host writes and announces.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kiwi_store::{
    Batch, Begin, Content as Published, Delta, Due, Holder, Id, Layout, Lease, Name, Publish, Push, RecordKey, Root,
    Store, Ttl,
};
use redis::{Connection, Value};

use crate::LONG;
use crate::bytes::Bytes;
use crate::recording::{Content, Moment, Recordings, changes};
use crate::redis_server::RedisServer;
use crate::replay::connect;

const CHANNEL: &str = "kiwi:airlines:changed";
const HOUR: Duration = Duration::from_secs(3600);

type Map = BTreeMap<String, String>;

/// Records all recordings.
pub(crate) async fn record() -> Recordings {
    let mut recordings = BTreeMap::new();
    let mut keep = |name: &str, recorder: Recorder| drop(recordings.insert(name.to_owned(), recorder.moments));

    let mut small = Recorder::start(1, Layout::Hash);
    small.whole(airlines()).await;
    small.delta(&[("FR", Some(r#"{"name":"Ryanair","rate":1.20}"#)), ("OS", Some("\"Austrian\""))]).await;
    small.delta(&[("LH", None), ("OS", Some("\"AUA\"")), ("U2", Some("[]"))]).await;
    small.whole(map(&[("FR", "1"), ("BA", "2")])).await;
    keep("small", small);

    let mut large = Recorder::start(2, Layout::Hash);
    large.whole(numbers("old")).await;
    large.delta(&[("key 0000", Some("\"new\"")), ("key 0001", None), ("key 9999", Some("1"))]).await;
    large.whole(numbers("other")).await;
    keep("large", large);

    let mut bare = Recorder::start(3, Layout::Version);
    bare.whole(airlines()).await;
    bare.delta(&[("FR", Some("2"))]).await;
    keep("bare", bare);

    let mut repacked = Recorder::start(4, Layout::Hash);
    repacked.whole(airlines()).await;
    repacked.delta(&[("FR", Some("2"))]).await;
    repacked.delta(&[("LH", None)]).await;
    repacked.repack().await;
    repacked.delta(&[("FR", Some("3")), ("OS", Some("1"))]).await;
    repacked.repack().await;
    keep("repacked", repacked);

    let mut many = Recorder::start(5, Layout::Hash);
    many.whole(airlines()).await;
    for n in 2..=21 {
        // Only the first and the last of them are needed.
        many.is_skipping = n < 21;
        many.delta(&[("FR", Some(&n.to_string()))]).await;
    }
    keep("many", many);

    let mut pushed = Recorder { push: Push::Delta, ..Recorder::start(6, Layout::Hash) };
    pushed.whole(numbers("old").into_iter().take(50).chain(airlines()).collect()).await;
    pushed.delta(&[("FR", Some("2")), ("LH", None)]).await;
    pushed.delta(&[("FR", Some("3"))]).await;
    pushed.delta(&[("FR", Some(&format!("{:?}", incompressible(20_000))))]).await;
    keep("pushed", pushed);

    let key: RecordKey = "Airlines:eu".parse().expect("a good key");
    for (number, name, layout) in [(7, "both", Layout::Both(key.clone())), (8, "record", Layout::Record(key))] {
        let mut recorder = Recorder::start(number, layout);
        recorder.whole(airlines()).await;
        recorder.whole(map(&[("FR", "1"), ("BA", "2")])).await;
        keep(name, recorder);
    }

    let mut empty = Recorder::start(9, Layout::Hash);
    empty.whole(Map::new()).await;
    empty.delta(&[("FR", Some("1"))]).await;
    empty.delta(&[("FR", None)]).await;
    keep("empty", empty);

    let mut restored = Recorder::start(10, Layout::Hash);
    restored.whole(airlines()).await;
    restored.delta(&[("FR", Some("2"))]).await;
    restored.lose_and_restore().await;
    keep("restored", restored);

    // So short that it is not compressed: the example of docs/protocol.md.
    let mut plain = Recorder::start(12, Layout::Hash);
    plain.whole(map(&[("FR", "1"), ("a\"b", "[2]")])).await;
    plain.delta(&[("FR", Some("1")), ("LH", None)]).await;
    keep("plain", plain);

    let mut format_1 = Recorder::start(11, Layout::Hash);
    // So many that a hash is not read in one step.
    let more = (0..600).map(|n| (format!("{n}"), "1".to_owned()));
    format_1.write_format_1(airlines().into_iter().chain(more).collect());
    format_1.whole(map(&[("FR", "1"), ("BA", "2")])).await;
    keep("format_1", format_1);
    Recordings(recordings)
}

fn map(entries: &[(&str, &str)]) -> Map {
    entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A small map, with what other languages may read differently.
fn airlines() -> Map {
    map(&[
        ("FR", r#"{"name":"Ryanair","rate":1.10}"#),
        ("LH", "\"Lufthansa\""),
        ("U2", "null"),
        ("a\"b\\\n", "[2,{\"c\":\"}\\\"\"}]"),
        ("é😀", "\"č\\u00e9\\ud83d\\ude00\""),
        ("big", "1180591620717411303424"),
        ("exact", "0.1000000000000000055511151231257827"),
        ("spaced", "{ \"a\" : [ 1 , 2 ] }"),
        ("zero", "-0.0"),
    ])
}

/// More than a small map may have. Most partitions have some of it.
fn numbers(text: &str) -> Map {
    (0..600).map(|n| (format!("key {n:04}"), format!("\"{text}{n:0>110}\""))).collect()
}

/// A text that does not become shorter.
fn incompressible(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    (0..length).map(|_| random.alphanumeric()).collect()
}

/// A host with one cache, whose snapshots have ids that begin with its number.
struct Recorder {
    number: u128,
    server: RedisServer,
    store: Arc<dyn Store>,
    cache: Name,
    push: Push,
    announced: Connection,
    map: Map,
    last: Option<Id>,
    published: u128,
    /// Whether what is published is no moment of the recording.
    is_skipping: bool,
    content: BTreeMap<String, Content>,
    moments: Vec<Moment>,
}

impl Recorder {
    fn start(number: u128, layout: Layout) -> Self {
        let server = RedisServer::start();
        let cache: Name = "airlines".parse().expect("a good name");
        let store = kiwi_store::open(&server.url().parse().expect("a good URL")).expect("opening does not connect");
        let store = store.with_layouts(&[(cache.clone(), layout)]).expect("Redis has layouts");
        let mut announced = connect(&server.url());
        announced.set_read_timeout(Some(LONG)).expect("a timeout");
        redis::cmd("SUBSCRIBE").arg(CHANNEL).exec(&mut announced).expect("a subscription");
        let (map, content, moments) = (Map::new(), BTreeMap::new(), Vec::new());
        let (last, published, is_skipping) = (None, 0, false);
        let push = Push::Hint;
        Self { number, server, store, cache, push, announced, map, last, published, is_skipping, content, moments }
    }

    fn next_id(&mut self) -> Id {
        self.published += 1;
        format!("{:016x}{:016x}", self.number, self.published).parse().expect("an id")
    }

    async fn begin(&self) -> Lease {
        match self.store.begin(&self.cache, Holder::anonymous(), LONG, Due::Always).await.expect("Redis answers") {
            Begin::Go { lease, .. } => lease,
            other => panic!("expected the lease, got {other:?}"),
        }
    }

    async fn commit(&mut self, lease: Lease, content: Published) {
        let publish = Publish::new(content, Ttl::For(24 * HOUR), HOUR).with_push(self.push);
        if self.store.commit(lease, &publish).await.expect("it is published").is_hash_behind {
            self.store.update_hash(&self.cache).await.expect("the hash follows");
        }
        self.note().await;
    }

    async fn whole(&mut self, map: Map) {
        let lease = self.begin().await;
        self.store.stage(&lease, &batch(&map)).await.expect("it is staged");
        let (id, entries) = (self.next_id(), map.len() as u64);
        let swap = Published::Swap { id, entries, bytes: batch(&map).bytes() as u64, root: root(&map) };
        self.map = map;
        self.commit(lease, swap).await;
    }

    async fn delta(&mut self, changes: &[(&str, Option<&str>)]) {
        let lease = self.begin().await;
        let mut delta = Delta::default();
        let base = self.last.expect("something is published");
        for &(key, value) in changes {
            match value {
                Some(value) => {
                    delta.set.push(key, value);
                    self.map.insert(key.to_owned(), value.to_owned());
                }
                None => {
                    delta.removed.push(key.to_owned());
                    self.map.remove(key);
                }
            }
        }
        let (id, entries) = (self.next_id(), self.map.len() as u64);
        let (bytes, root) = (batch(&self.map).bytes() as u64, root(&self.map));
        self.commit(lease, Published::Delta { id, base, delta, entries, bytes, root }).await;
    }

    async fn repack(&mut self) {
        assert!(self.store.repack(&self.cache).await.expect("Redis answers"), "there are deltas");
        self.note().await;
    }

    /// As an embedded host does while the source is away.
    async fn lose_and_restore(&mut self) {
        let head = self.store.status(&self.cache).await.expect("Redis answers").presence.whole().cloned();
        self.server.command::<()>(&["FLUSHALL"]).expect("it is flushed");
        let lease = self.begin().await;
        self.store.stage(&lease, &batch(&self.map)).await.expect("it is staged");
        self.store.restore(&lease, &head.expect("it was published")).await.expect("it is restored");
        self.store.release(lease).await.expect("the lease ends");
        self.note().await;
    }

    /// What hosts of the first format left. None of them is left to record it.
    fn write_format_1(&mut self, map: Map) {
        let (id, entries, bytes, root) = (self.next_id(), map.len() as u64, batch(&map).bytes(), root(&map));
        let fields = [
            ("format", "1".to_owned()),
            ("id", id.to_string()),
            ("seq", "1".to_owned()),
            ("entries", entries.to_string()),
            ("bytes", bytes.to_string()),
            ("root", root.to_string()),
            ("loaded_at", "1700000000000".to_owned()),
            ("checked_at", "1700000000000".to_owned()),
            ("ttl", "86400000".to_owned()),
            ("refill_interval", "3600000".to_owned()),
            ("layout", "hash".to_owned()),
        ];
        let mut connection = connect(&self.server.url());
        let map: Vec<_> = map.into_iter().collect();
        redis::cmd("HSET").arg("kiwi:{airlines}").arg(&map).exec(&mut connection).expect("it is written");
        redis::cmd("HSET").arg("kiwi:{airlines}:meta").arg(&fields).exec(&mut connection).expect("it is written");
        self.content = self.read();
        let keys = changes(&BTreeMap::new(), &self.content);
        self.moments.push(Moment { id: id.to_string(), seq: 1, entries, keys, message: None });
    }

    /// Keeps what is in Redis now as a moment.
    async fn note(&mut self) {
        let head = self.store.status(&self.cache).await.expect("Redis answers").presence.whole().cloned();
        let head = head.expect("it was just published");
        let whole = self.store.whole(&self.cache).await.expect("it can be read").expect("it is there");
        assert_eq!(whole.head().id, head.id);
        let message = self.announced();
        self.last = Some(head.id);
        if self.is_skipping {
            return;
        }
        let content = self.read();
        let keys = changes(&self.content, &content);
        self.content = content;
        self.moments.push(Moment { id: head.id.to_string(), seq: head.seq, entries: head.entries, keys, message });
    }

    /// What was announced since the last time.
    fn announced(&mut self) -> Option<Bytes> {
        const END: &[u8] = b"that is all";
        let mut connection = connect(&self.server.url());
        redis::cmd("PUBLISH").arg(CHANNEL).arg(END).exec(&mut connection).expect("it is announced");
        let mut announced = None;
        loop {
            let message = self.announced.recv_response().expect("a message");
            let (_, _, message): (String, String, Vec<u8>) = redis::from_redis_value(message).expect("a message");
            if message == END {
                return announced;
            }
            announced = Some(Bytes(message));
        }
    }

    /// All that readers may read.
    fn read(&self) -> BTreeMap<String, Content> {
        let mut connection = connect(&self.server.url());
        let mut run = |words: &[&str]| -> Value {
            redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).expect("Redis answers")
        };
        let keys: Vec<String> = redis::from_redis_value(run(&["KEYS", "*"])).expect("keys");
        let is_of_hosts =
            |key: &String| [":lease", ":hosts"].iter().any(|end| key.ends_with(end)) || key.contains(":staging:");
        let keys = keys.into_iter().filter(|key| !is_of_hosts(key));
        keys.map(|key| {
            let kind: String = redis::from_redis_value(run(&["TYPE", &key])).expect("a type");
            let content = match kind.as_str() {
                "string" => Content::String(Bytes(redis::from_redis_value(run(&["GET", &key])).expect("bytes"))),
                "hash" => {
                    let fields: BTreeMap<String, Vec<u8>> =
                        redis::from_redis_value(run(&["HGETALL", &key])).expect("fields");
                    Content::Hash(fields.into_iter().map(|(field, value)| (field, Some(Bytes(value)))).collect())
                }
                "stream" => {
                    let records: Vec<(String, Vec<Vec<u8>>)> =
                        redis::from_redis_value(run(&["XRANGE", &key, "-", "+"])).expect("records");
                    Content::Stream(
                        records.into_iter().map(|(id, fields)| (id, fields.into_iter().map(Bytes).collect())).collect(),
                    )
                }
                other => panic!("`{key}` is a {other}"),
            };
            (key, content)
        })
        .collect()
    }
}

fn batch(map: &Map) -> Batch {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn root(map: &Map) -> Root {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}
