//! Commits: what they come to when replies, staging, leases or data are lost, and deltas.

use super::*;
use std::sync::Arc;

use kiwi_store::testing::{Fault, FaultyStore, Method, same_lease};
use kiwi_store::{Publishing, Reading};

/// A delta from what `base` names to `to`.
fn change(id: Id, base: Id, from: &Map, to: &Map) -> Publish {
    let (delta, bytes) = (delta(from, to), batch(to).bytes() as u64);
    publish(Content::Delta { id, base, delta, entries: to.len() as u64, bytes, root: root(to) })
}

#[tokio::test]
async fn a_commit_whose_reply_was_lost_is_done_when_repeated() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let (first, second) = (map(&[("FR", "1"), ("LH", "2")]), map(&[("FR", "3")]));

    let (lease, _) = take(&store, &cache).await;
    store.stage(&lease, &batch(&first)).await.unwrap();
    let by_swap = swap(Id::random(), &first);
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    faulty.fail_next(Method::Commit, Fault::LostReply);
    let (lease, error) = failed(faulty.commit(lease, &by_swap).await);
    assert!(error.is_unavailable(), "{error}");
    faulty.commit(lease, &by_swap).await.unwrap();
    let (lease, base) = take(&store, &cache).await;
    let base = base.unwrap();
    let by_delta = change(Id::random(), base.id, &first, &second);
    for lease in [same_lease(&lease), lease] {
        store.commit(lease, &by_delta).await.unwrap();
        let (head, map) = published(&store, &cache).await.unwrap();
        assert_eq!((head.seq, head.root, map), (2, root(&second), second.clone()));
    }
    assert_eq!(deltas(&store, &cache, base.id).await, [delta(&first, &second)]);
}

#[tokio::test]
async fn a_commit_that_is_repeated_does_not_shorten_the_life_of_what_it_published() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let map = large();
    let (lease, _) = take(&store, &cache).await;
    store.stage(&lease, &batch(&map)).await.unwrap();
    let publication = swap(Id::random(), &map);
    // One that has sent everything, and one that has sent it again because a connection broke.
    let (sealed, again) = (same_lease(&lease), same_lease(&lease));
    store.commit(lease, &publication).await.unwrap();
    let life = || {
        let versions: Vec<String> = server.command(&["KEYS", "*:v:*"]).unwrap();
        assert_eq!(versions.len(), 1, "{versions:?}");
        server.command::<i64>(&["PTTL", &versions[0]]).unwrap()
    };
    assert!(life() > 500_000);
    for lease in [sealed, again] {
        store.commit(lease, &publication).await.unwrap();
        assert!(life() > 500_000, "{} ms", life());
    }
    assert_eq!(published(&store, &cache).await.unwrap().1, map);
}

async fn deltas(store: &dyn Store, cache: &Name, from: Id) -> Vec<Delta> {
    let changes = store.changes(cache, from).await.unwrap().expect("all are kept");
    changes.deltas.into_iter().map(|(_, delta)| delta).collect()
}

#[tokio::test]
async fn a_commit_without_its_lease_staging_base_or_data_changes_nothing() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let (old, new) = (large(), Map::from_iter(large().into_iter().skip(1)));
    let id = refill(&store, &cache, &old).await;
    let unchanged = async |what: &str| {
        let (head, map) = published(&store, &cache).await.unwrap();
        assert_eq!((head.id, &map), (id, &old), "{what}");
        assert_eq!(immortal(&server), [""; 0], "{what}");
    };

    let (mut fenced, _) = take(&store, &cache).await;
    store.stage(&fenced, &batch(&new)).await.unwrap();
    store.release(same_lease(&fenced)).await.unwrap();
    let (lease, _) = take(&store, &cache).await;
    for publication in
        [swap(Id::random(), &new), change(Id::random(), id, &old, &new), publish(Content::Touch { base: id })]
    {
        fenced = refused!(store, fenced, &publication, Fenced);
        unchanged("fenced").await;
    }

    let lease = refused!(store, lease, &swap(Id::random(), &new), StagingLost);
    store.stage(&lease, &batch(&new)).await.unwrap();
    let staging = format!("kiwi:{{airlines}}:staging:{}", lease.token());
    let _: () = server.command(&["HDEL", &staging, "key 00009"]).unwrap();
    let lease = refused!(store, lease, &swap(Id::random(), &new), StagingLost);
    unchanged("staging lost").await;

    let moved = change(Id::random(), Id::random(), &old, &new);
    let lease = refused!(store, lease, &moved, Moved);
    let moved = publish(Content::Touch { base: Id::random() });
    let lease = refused!(store, lease, &moved, Moved);
    unchanged("moved").await;

    let version: String = server.command(&["HGET", "kiwi:{airlines}:meta", "version"]).unwrap();
    let _: () = server.command(&["HDEL", &format!("kiwi:{{airlines}}:v:{version}"), "0"]).unwrap();
    let error = kiwi_store::testing::read_whole(&store, &cache).await.unwrap_err();
    assert!(error.is_missing(), "a part is no map: {error}");
    assert!(matches!(store.status(&cache).await.unwrap().presence, kiwi_store::Presence::Lost(_)));
    let lost = change(Id::random(), id, &old, &new);
    let lease = refused!(store, lease, &lost, Lost);
    let lost = publish(Content::Touch { base: id });
    let lease = refused!(store, lease, &lost, Lost);

    // A swap repairs it.
    store.release(lease).await.unwrap();
    let (lease, _) = take(&store, &cache).await;
    store.stage(&lease, &batch(&new)).await.unwrap();
    store.commit(lease, &swap(Id::random(), &new)).await.unwrap();
    assert_eq!(published(&store, &cache).await.unwrap().1, new);
}

#[tokio::test]
async fn deltas_lead_over_empty_maps_and_back() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let maps = [map(&[("FR", "1")]), map(&[]), map(&[("LH", "2"), ("FR", "3")]), map(&[("LH", "2")])];
    let first = refill(&store, &cache, &maps[0]).await;
    let mut ids = vec![first];
    for pair in maps.windows(2) {
        let (lease, base) = take(&store, &cache).await;
        let base = base.unwrap();
        assert_eq!((base.id, base.entries), (*ids.last().unwrap(), pair[0].len() as u64));
        let id = Id::random();
        // The maps are smaller than their deltas, so none of these would be kept for readers.
        let Content::Delta { delta, base, entries, root, .. } = change(id, base.id, &pair[0], &pair[1]).content else {
            panic!()
        };
        let publication = publish(Content::Delta { id, base, delta, entries, bytes: 1_000, root });
        store.commit(lease, &publication).await.unwrap();
        assert_eq!(published(&store, &cache).await.unwrap().1, pair[1]);
        ids.push(id);
    }
    let all: Vec<Delta> = maps.windows(2).map(|pair| delta(&pair[0], &pair[1])).collect();
    for (behind, id) in ids.iter().enumerate() {
        assert_eq!(deltas(&store, &cache, *id).await, all[behind..]);
    }
    assert_eq!(store.changes(&cache, Id::random()).await.unwrap(), None);

    // A swap breaks the chain.
    let id = refill(&store, &cache, &maps[0]).await;
    assert_eq!(store.changes(&cache, ids[3]).await.unwrap(), None);
    assert_eq!(store.changes(&cache, id).await.unwrap().unwrap().deltas, []);
    assert_eq!(store.changes(&name("nothing"), id).await.unwrap(), None);
}

#[tokio::test]
async fn an_old_dump_that_is_restored_is_lost_or_old_but_never_mixed() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let (old, new) = (large(), Map::from_iter(large().into_iter().skip(1)));
    let old_id = refill(&store, &cache, &old).await;
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut dump = |key: &str| -> Vec<u8> { redis::cmd("DUMP").arg(key).query(&mut connection).unwrap() };
    let version: String = server.command(&["HGET", "kiwi:{airlines}:meta", "version"]).unwrap();
    let version = format!("kiwi:{{airlines}}:v:{version}");
    let dumps = ["kiwi:{airlines}", &version, "kiwi:{airlines}:meta"].map(|key| (key.to_owned(), dump(key)));
    let new_id = refill(&store, &cache, &new).await;

    let mut restore = |(key, dump): &(String, Vec<u8>)| {
        redis::cmd("RESTORE").arg(key).arg(60_000).arg(dump).arg("REPLACE").query::<()>(&mut connection).unwrap();
    };
    restore(&dumps[0]);
    assert_eq!(
        published(&store, &cache).await.unwrap(),
        (store.status(&cache).await.unwrap().presence.whole().unwrap().clone(), new.clone())
    );
    assert_eq!(
        store.status(&cache).await.unwrap().hash,
        kiwi_store::HashState::Behind,
        "an old hash under the new meta"
    );
    assert_eq!(store.get(&cache, &["key 00000"]).await.unwrap(), Some(vec![None]), "it is not relied on");
    store.update_hash(&cache).await.unwrap();
    assert_eq!(server.command::<u64>(&["HLEN", "kiwi:{airlines}"]).unwrap(), new.len() as u64);

    dumps.iter().for_each(&mut restore);
    let (head, map) = published(&store, &cache).await.unwrap();
    assert!(head.id == old_id && map == old);
    let (lease, base) = take(&store, &cache).await;
    assert_eq!(base.unwrap().id, old_id);
    // A host that remembers the newer snapshot must not build on it.
    let publication = change(Id::random(), new_id, &new, &old);
    let lease = refused!(store, lease, &publication, Moved);

    // An old meta whose version is gone.
    let _: () = server.command(&["UNLINK", &version]).unwrap();
    store.release(lease).await.unwrap();
    let (_lease, base) = take(&store, &cache).await;
    assert_eq!(base, None);
    assert!(matches!(store.status(&cache).await.unwrap().presence, kiwi_store::Presence::Lost(_)));
}

#[tokio::test]
async fn a_commit_is_announced_with_its_id() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let url = server.url();
    let (announced, announcement) = std::sync::mpsc::channel();
    let (subscribed, ready) = std::sync::mpsc::channel();
    let listener = std::thread::spawn(move || {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        let mut subscription = connection.as_pubsub();
        subscription.subscribe("kiwi:airlines:changed").unwrap();
        subscribed.send(()).unwrap();
        announced.send(subscription.get_message().unwrap().get_payload::<String>().unwrap()).unwrap();
    });
    ready.recv().unwrap();
    let id = refill(&store, &name("airlines"), &map(&[("FR", "1")])).await;
    assert_eq!(announcement.recv_timeout(Duration::from_secs(20)).unwrap(), id.to_string());
    listener.join().unwrap();
}

#[tokio::test]
async fn any_redis_client_can_read_a_map() {
    let server = RedisServer::start();
    refill(&open(&server.url()), &name("airlines"), &map(&[("FR", r#"{"name":"Ryanair"}"#)])).await;
    let value: String = server.command(&["HGET", "kiwi:{airlines}", "FR"]).unwrap();
    assert_eq!(value, r#"{"name":"Ryanair"}"#);
}
