//! Data that another program has damaged, deleted, or brought back from an old dump: what is read then, and that the next
//! refill repairs it.

use std::collections::HashMap;

use super::*;
use kiwi_store::{HashState, Publishing, Reading};

/// What is harmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Meta,
    Log,
    Version,
    Hash,
    /// The field of meta.
    View,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// As it was some snapshots ago; of the version, as it was while it was written.
    Old,
    Deleted,
    /// Another type; of the view, another text.
    Other,
}

/// What a whole load gives, or a read of some keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Now,
    Nothing,
    Missing,
    WrongType,
}

use Seen::{Missing, Nothing, Now, WrongType};

/// What is harmed and how, and what a whole load gives then, and a read of some keys.
const HARMS: [(Part, Harm, Seen, Seen); 15] = [
    (Part::Meta, Harm::Old, Nothing, Nothing),
    (Part::Meta, Harm::Deleted, Nothing, Nothing),
    (Part::Meta, Harm::Other, WrongType, WrongType),
    (Part::Log, Harm::Old, Nothing, Now),
    (Part::Log, Harm::Deleted, Nothing, Now),
    (Part::Log, Harm::Other, WrongType, Now),
    (Part::Version, Harm::Old, Missing, Now),
    (Part::Version, Harm::Deleted, Missing, Now),
    (Part::Version, Harm::Other, WrongType, Now),
    (Part::Hash, Harm::Old, Now, Now),
    (Part::Hash, Harm::Deleted, Now, Now),
    (Part::Hash, Harm::Other, Now, WrongType),
    (Part::View, Harm::Old, Now, Now),
    (Part::View, Harm::Deleted, Now, Now),
    (Part::View, Harm::Other, Now, Now),
];

/// Four snapshots: a whole map, a delta, another whole map, and again a delta, which is published now.
struct Scene {
    server: RedisServer,
    store: Redis,
    cache: Name,
    maps: HashMap<Id, Map>,
    now: Id,
    dumps: Vec<(Part, Vec<u8>)>,
    old_view: String,
}

impl Scene {
    async fn new() -> Self {
        let server = RedisServer::start();
        let (store, cache) = (open(&server.url()), name("airlines"));
        let mut scene = Self {
            server,
            store,
            cache,
            maps: HashMap::new(),
            now: Id::random(),
            dumps: Vec::new(),
            old_view: String::new(),
        };
        let first = large();
        scene.publish_whole(first.clone()).await;
        scene.publish_delta(first.into_iter().skip(1).collect()).await;
        scene.dumps = [Part::Meta, Part::Log, Part::Hash].map(|part| (part, scene.dump(part))).into();
        scene.old_view = scene.server.command(&["HGET", "kiwi:{airlines}:meta", "view"]).unwrap();
        let other: Map = large().into_iter().skip(5).map(|(key, value)| (key, value.replace("000", "111"))).collect();
        scene.publish_whole(other.clone()).await;
        scene.publish_delta(other.into_iter().skip(1).collect()).await;
        let manifest: String = scene.server.command(&["HGET", &scene.key(Part::Version), "manifest"]).unwrap();
        let _: () = scene.server.command(&["HDEL", &scene.key(Part::Version), "manifest"]).unwrap();
        let half_written = scene.dump(Part::Version);
        scene.dumps.push((Part::Version, half_written));
        let _: () = scene.server.command(&["HSET", &scene.key(Part::Version), "manifest", &manifest]).unwrap();
        scene
    }

    async fn publish_whole(&mut self, map: Map) {
        self.now = refill(&self.store, &self.cache, &map).await;
        self.maps.insert(self.now, map);
    }

    async fn publish_delta(&mut self, map: Map) {
        let (lease, base) = take(&self.store, &self.cache).await;
        let (id, base) = (Id::random(), base.unwrap().id);
        let (delta, bytes) = (delta(&self.maps[&base], &map), batch(&map).bytes() as u64);
        let content = Content::Delta { id, base, delta, entries: map.len() as u64, bytes, root: root(&map) };
        self.store.commit(lease, &publish(content)).await.unwrap();
        self.maps.insert(id, map);
        self.now = id;
    }

    fn key(&self, part: Part) -> String {
        match part {
            Part::Meta | Part::View => "kiwi:{airlines}:meta".to_owned(),
            Part::Log => "kiwi:{airlines}:log".to_owned(),
            Part::Hash => "kiwi:{airlines}".to_owned(),
            Part::Version => {
                let id: String = self.server.command(&["HGET", "kiwi:{airlines}:meta", "version"]).unwrap();
                format!("kiwi:{{airlines}}:v:{id}")
            }
        }
    }

    fn dump(&self, part: Part) -> Vec<u8> {
        self.server.command(&["DUMP", &self.key(part)]).unwrap()
    }

    fn harm(&self, part: Part, harm: Harm) {
        let key = self.key(part);
        let mut connection = redis::Client::open(self.server.url()).unwrap().get_connection().unwrap();
        let mut run = |command: &mut redis::Cmd| command.exec(&mut connection).unwrap();
        match (part, harm) {
            (Part::View, Harm::Old) => run(redis::cmd("HSET").arg(key).arg("view").arg(&self.old_view)),
            (Part::View, Harm::Deleted) => run(redis::cmd("HDEL").arg(key).arg("view")),
            (Part::View, Harm::Other) => run(redis::cmd("HSET").arg(key).arg("view").arg("mine")),
            (_, Harm::Old) => {
                let (_, dump) = self.dumps.iter().find(|(of, _)| *of == part).unwrap();
                run(redis::cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE"));
            }
            (_, Harm::Deleted) => run(redis::cmd("UNLINK").arg(key)),
            (_, Harm::Other) => run(redis::cmd("SET").arg(key).arg("mine").arg("PX").arg(60_000)),
        }
    }

    async fn whole(&self) -> Seen {
        match read_whole(&self.store, &self.cache).await {
            Ok(Some((head, entries))) => {
                let map: Map = entries.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                assert!(head.id == self.now && map == self.maps[&head.id], "{head:?}");
                Now
            }
            Ok(None) => Nothing,
            Err(error) => seen(&error),
        }
    }

    async fn some(&self) -> Seen {
        match self.store.get(&self.cache, &["key 00000", "key 00001", "key 00007", "key 03999"]).await {
            Ok(Some(values)) => {
                let map = &self.maps[&self.now];
                let value = |key: &str| map.get(key).map(|value| bytes::Bytes::copy_from_slice(value.as_bytes()));
                assert_eq!(values, [None, None, value("key 00007"), value("key 03999")]);
                Now
            }
            Ok(None) => Nothing,
            Err(error) => seen(&error),
        }
    }

    /// What leads from any snapshot leads to what is published, or there is nothing.
    async fn changes(&self) {
        for (id, from) in &self.maps {
            let Ok(Some(changes)) = self.store.changes(&self.cache, *id).await else { continue };
            let mut map = from.clone();
            for (_, delta) in changes.deltas {
                map.extend(delta.set.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
                delta.removed.iter().for_each(|key| drop(map.remove(key)));
            }
            assert!(map == self.maps[&changes.head.id]);
        }
    }
}

fn seen(error: &Error) -> Seen {
    if error.is_wrong_type() {
        WrongType
    } else {
        assert!(error.is_missing(), "{error}");
        Missing
    }
}

#[tokio::test]
async fn what_is_old_deleted_or_of_another_type_is_never_mixed_and_the_next_refill_repairs_it() {
    for (part, harm, whole, some) in HARMS {
        let mut scene = Scene::new().await;
        scene.harm(part, harm);
        let what = format!("{part:?} {harm:?}");
        assert_eq!((scene.whole().await, scene.some().await), (whole, some), "{what}");
        scene.changes().await;
        // Whatever this comes to, a hash that counts is right.
        let _ = scene.store.update_hash(&scene.cache).await;
        if scene.store.status(&scene.cache).await.is_ok_and(|status| status.hash == HashState::Current) {
            let hash: Map = scene.server.command(&["HGETALL", "kiwi:{airlines}"]).unwrap();
            assert!(hash == scene.maps[&scene.now], "{what}");
        }
        // What is not ours alone is left to an operator. A version has a name of its own, and counts as lost.
        if matches!((part, harm), (Part::Meta | Part::Log | Part::Hash, Harm::Other)) {
            let begun = scene.store.begin(&scene.cache, Holder::anonymous(), LEASE_TTL, Due::Always).await;
            let error = begun.expect_err("another type");
            assert!(error.is_wrong_type() && error.to_string().contains(&format!("`{}`", scene.key(part))), "{error}");
            let _: () = scene.server.command(&["DEL", &scene.key(part)]).unwrap();
        }
        let next: Map = large().into_iter().skip(9).collect();
        scene.publish_whole(next).await;
        assert_eq!((scene.whole().await, scene.some().await), (Now, Now), "{what}");
        assert_eq!(scene.store.status(&scene.cache).await.unwrap().hash, HashState::Current, "{what}");
        assert_eq!(immortal(&scene.server), [""; 0], "{what}");
    }
}

/// What a version holds in its first field, in the place of a segment.
fn lying_segments(segment: &[u8], of_another_field: &[u8], of_another_version: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cut = [0, 1, 13, 14, segment.len() / 2, segment.len() - 1];
    let cut = cut.map(|length| (format!("cut off after {length}"), segment[..length].to_vec()));
    let changed = [2, 6, 13, 20, segment.len() - 1].map(|place| {
        let mut changed = segment.to_vec();
        changed[place] ^= 1;
        (format!("changed at {place}"), changed)
    });
    let claims = [0u32, 900 << 20, 1 << 30, u32::MAX].map(|claimed| {
        let lies = [&segment[..2], &claimed.to_le_bytes(), &segment[6..]].concat();
        (format!("of {claimed} bytes"), lies)
    });
    let others = [("another field", of_another_field), ("another version", of_another_version)];
    let others = others.map(|(of, segment)| (format!("of {of}"), segment.to_vec()));
    cut.into_iter().chain(changed).chain(claims).chain(others).collect()
}

#[tokio::test]
async fn a_segment_that_is_not_what_it_should_be_is_never_read() {
    let mut scene = Scene::new().await;
    let old_version = scene.key(Part::Version);
    scene.publish_whole(large()).await;
    let version = scene.key(Part::Version);
    let mut connection = redis::Client::open(scene.server.url()).unwrap().get_connection().unwrap();
    let mut get =
        |key: &str, field: &str| -> Vec<u8> { redis::cmd("HGET").arg(key).arg(field).query(&mut connection).unwrap() };
    let (segment, manifest) = (get(&version, "0"), get(&version, "manifest"));
    let lies = lying_segments(&segment, &get(&version, "1"), &get(&old_version, "0"));
    let mut set = |field: &str, value: &[u8]| {
        redis::cmd("HSET").arg(&version).arg(field).arg(value).exec(&mut connection).unwrap();
    };
    let read = async || read_whole(&scene.store, &scene.cache).await;
    for (lie, bytes) in lies {
        set("0", &bytes);
        let error = read().await.expect_err(&lie);
        assert!(error.is_value(), "{lie}: {error}");
    }
    for (place, what) in [(0, "format"), (1, "codec")] {
        let mut newer = segment.clone();
        newer[place] = 9;
        set("0", &newer);
        let error = read().await.expect_err(what);
        assert!(error.is_newer_format(), "{what}: {error}");
    }
    set("0", &segment);
    let newer = String::from_utf8(manifest.clone()).unwrap().replace("\"format\":2", "\"format\":3");
    set("manifest", newer.as_bytes());
    let error = read().await.unwrap_err();
    assert!(error.is_newer_format() && error.to_string().contains("format 3"), "{error}");
    let two = r#"{"format":2,"partitions":64,"entries":1,"root":"","segments":[0,1]}"#;
    for manifest in [&b""[..], b"{}", &manifest[1..], two.as_bytes()] {
        set("manifest", manifest);
        let error = read().await.unwrap_err();
        assert!(error.is_value(), "{error}");
    }
    set("manifest", &manifest);
    assert_eq!(scene.whole().await, Now);
    for field in ["0", "manifest"] {
        let _: () = scene.server.command(&["HDEL", &version, field]).unwrap();
        assert_eq!(scene.whole().await, Missing, "{field}");
    }
}
