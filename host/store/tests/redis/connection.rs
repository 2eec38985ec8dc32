//! Ways to the server, and what happens when it goes away.

use super::*;
use kiwi_store::{Administration, Publishing, Reading};

#[tokio::test]
async fn over_a_unix_socket() {
    let server = RedisServer::start();
    let store = open(&format!("redis+unix://{}?db=3", server.socket().display()));
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    refill(&store, &cache, &map).await;
    assert_eq!(published(&store, &cache).await.unwrap().1, map);
    assert_eq!(store.location(), format!("{}?db=3", server.socket().display()));
}

#[tokio::test]
async fn databases_are_separate_and_a_missing_one_is_invalid() {
    let server = RedisServer::start();
    let (first, second) = (open(&server.url()), open(&format!("{}/1", server.url())));
    let cache = name("airlines");
    refill(&second, &cache, &map(&[("FR", "1")])).await;
    assert!(published(&first, &cache).await.is_none());
    assert!(published(&second, &cache).await.is_some());
    assert_eq!(second.location(), format!("127.0.0.1:{}/1", server.port()));
    let error = open(&format!("{}/99", server.url())).caches().await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("databases"), "{error}");
}

#[tokio::test]
async fn as_a_user_with_a_password() {
    let server = RedisServer::start();
    let rules = ["ACL", "SETUSER", "kiwi@host", "on", ">p@ss/word", "~kiwi:*", "&kiwi:*", "+@all"];
    let _: () = server.command(&rules).unwrap();
    let store = open(&format!("redis://kiwi%40host:p%40ss%2Fword@127.0.0.1:{}", server.port()));
    refill(&store, &name("airlines"), &map(&[("FR", "1")])).await;
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_and_one_that_is_back_works_at_once() {
    let mut server = RedisServer::start();
    let store = open(&server.url());
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    refill(&store, &cache, &map).await;

    server.kill();
    for _ in 0..2 {
        let error = store.status(&cache).await.unwrap_err();
        assert!(error.is_unavailable() && error.cache() == Some(&cache), "{error}");
        assert!(error.to_string().contains("cannot be reached"), "{error}");
    }
    assert!(store.check().await.unwrap_err().is_unavailable());

    server.restart();
    assert!(server.is_ready());
    assert!(published(&store, &cache).await.is_none(), "it has lost its data");
    refill(&store, &cache, &map).await;
    assert_eq!(published(&store, &cache).await.unwrap().1, map);
}

#[tokio::test]
async fn a_restart_between_two_calls_is_not_even_noticed() {
    let mut server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let before = map(&[("FR", "1")]);
    refill(&store, &cache, &before).await;
    server.restart();
    assert!(server.is_ready());
    refill(&store, &cache, &before).await;

    // Scripts are lost with a restart, and by SCRIPT FLUSH: inside a MULTI as well.
    let (lease, base) = take(&store, &cache).await;
    let after = map(&[("LH", "2")]);
    let _: () = server.command(&["SCRIPT", "FLUSH"]).unwrap();
    let id = Id::random();
    let change = Content::Delta {
        id,
        base: base.unwrap().id,
        delta: delta(&before, &after),
        entries: 1,
        bytes: batch(&after).bytes() as u64,
        root: root(&after),
    };
    store.commit(lease, &publish(change)).await.unwrap();
    let (head, map) = published(&store, &cache).await.unwrap();
    assert_eq!((head.id, map), (id, after));
    assert_eq!(immortal(&server), [""; 0]);
}

#[tokio::test]
async fn what_a_delta_leaves_where_its_script_was_not_known_expires() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let before = map(&[("FR", "1")]);
    refill(&store, &cache, &before).await;
    let (lease, base) = take(&store, &cache).await;
    // Not known by its hash, and not to be sent again.
    let _: () = server.command(&["SCRIPT", "FLUSH"]).unwrap();
    let _: () = server.command(&["ACL", "SETUSER", "default", "-eval"]).unwrap();
    let after = map(&[("LH", "2")]);
    let change = Content::Delta {
        id: Id::random(),
        base: base.unwrap().id,
        delta: delta(&before, &after),
        entries: 1,
        bytes: batch(&after).bytes() as u64,
        root: root(&after),
    };
    let _lease = refused!(store, lease, &publish(change), Failed(_));
    let _: () = server.command(&["ACL", "SETUSER", "default", "+eval"]).unwrap();
    let left: Vec<String> = server.command(&["KEYS", "*:staging:*"]).unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(immortal(&server), [""; 0]);
    assert_eq!(published(&store, &cache).await.unwrap().1, before);
}

#[tokio::test]
async fn a_server_busy_with_a_script_is_unavailable_until_it_is_done() {
    let server = RedisServer::start_with(&["--lua-time-limit", "10"]);
    let store = open(&server.url());
    let url = server.url();
    let endless = std::thread::spawn(move || {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut connection)
    });
    eventually("the server is busy", || async {
        store.caches().await.is_err_and(|error| error.is_unavailable() && error.to_string().contains("SCRIPT KILL"))
    })
    .await;
    let _: () = server.command(&["SCRIPT", "KILL"]).unwrap();
    assert!(endless.join().unwrap().is_err());
    assert_eq!(store.caches().await.unwrap(), []);
}

#[tokio::test]
async fn a_server_that_does_not_accept_us_is_unavailable_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = open(&format!("redis://:password@{}?connect_timeout=3s", silent.local_addr().unwrap()));
    let started = std::time::Instant::now();
    // Those who wait for the same connection do not wait one after the other.
    let (first, second, third) = tokio::join!(store.caches(), store.caches(), store.caches());
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    for error in [first, second, third].map(Result::unwrap_err) {
        assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_in_time() {
    let server = RedisServer::start();
    let store = open(&format!("{}?response_timeout=300ms", server.url()));
    let cache = name("airlines");
    refill(&open(&server.url()), &cache, &map(&[("FR", "1")])).await;
    let _: () = server.command(&["CLIENT", "PAUSE", "10000", "ALL"]).unwrap();
    let started = std::time::Instant::now();
    let error = store.status(&cache).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("in time"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    eventually("it answers again", || async { store.status(&cache).await.is_ok() }).await;
}

/// Lets a server load its data for some time, in a thread of its own.
fn load_again(server: &RedisServer, time: Duration) -> std::thread::JoinHandle<()> {
    // One key takes half a millisecond.
    let keys = time.as_millis() * 2;
    let fill = format!("for n = 1, {keys} do redis.call('SET', 'other:' .. n, n, 'EX', 600) end");
    let _: () = server.command(&["EVAL", &fill, "0"]).unwrap();
    let _: () = server.command(&["CONFIG", "SET", "key-load-delay", "500"]).unwrap();
    let _: () = server.command(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]).unwrap();
    let url = server.url();
    let reload = std::thread::spawn(move || {
        let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("DEBUG").arg("RELOAD").exec(&mut connection).unwrap();
    });
    while !server.command::<()>(&["DBSIZE"]).is_err_and(|error| error.code() == Some("LOADING")) {
        assert!(!reload.is_finished(), "it has loaded too fast");
    }
    reload
}

#[tokio::test]
async fn a_server_that_is_loading_its_data_is_unavailable_until_it_has() {
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let store = open(&server.url());
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    refill(&store, &cache, &map).await;
    let reload = load_again(&server, Duration::from_secs(10));
    let started = std::time::Instant::now();
    let error = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("loading"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    reload.join().unwrap();
    assert_eq!(published(&store, &cache).await.unwrap().1, map);
}

#[tokio::test]
async fn a_server_that_has_loaded_its_data_in_a_moment_is_waited_for() {
    let server = RedisServer::start_with(&["--enable-debug-command", "yes"]);
    let store = open(&server.url());
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    refill(&store, &cache, &map).await;
    let reload = load_again(&server, Duration::from_millis(300));
    assert_eq!(published(&store, &cache).await.unwrap().1, map);
    reload.join().unwrap();
}

#[tokio::test]
async fn a_replica_is_unavailable_to_a_host() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let (cache, map) = (name("airlines"), map(&[("FR", "1")]));
    refill(&store, &cache, &map).await;
    let begin = async || store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    let _: () = server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let error = begin().await;
    assert!(error.is_unavailable() && error.to_string().contains("read-only replica"), "{error}");
    assert_eq!(published(&store, &cache).await.unwrap().1, map, "readers may use it");

    let _: () = server.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]).unwrap();
    let error = begin().await;
    assert!(error.is_unavailable() && error.to_string().contains("MASTERDOWN"), "{error}");
}

#[tokio::test]
async fn all_keys_of_a_cache_share_a_slot() {
    // A cluster of one node checks this as any does, and redirects nobody.
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let store = open(&server.url());
    let cache = name("airlines");
    let error = store.begin(&cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("CLUSTERDOWN"), "{error}");
    let _: () = server.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).unwrap();
    let (before, after) = (map(&[("FR", "1")]), map(&[("LH", "2")]));
    let id = eventually_refill(&store, &cache, &before).await;
    let (lease, _) = take(&store, &cache).await;
    let content = Content::Delta {
        id: Id::random(),
        base: id,
        delta: delta(&before, &after),
        entries: 1,
        bytes: batch(&after).bytes() as u64,
        root: root(&after),
    };
    store.commit(lease, &publish(content)).await.unwrap();
    assert_eq!(published(&store, &cache).await.unwrap().1, after);
    assert_eq!(store.changes(&cache, id).await.unwrap().unwrap().deltas.len(), 1);
    let findings = store.check().await.unwrap();
    assert!(findings.iter().any(|finding| finding.fatal && finding.message.contains("cluster")), "{findings:?}");
    assert!(store.forget(&cache).await.unwrap());
}

/// A cluster needs a moment until it knows that all its slots are served.
async fn eventually_refill(store: &Redis, cache: &Name, map: &Map) -> Id {
    eventually("the cluster is up", || async { store.status(cache).await.is_ok() }).await;
    refill(store, cache, map).await
}
