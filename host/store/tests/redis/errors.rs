//! What can go wrong at the server, and what is said then.

use super::*;
use kiwi_store::Error;
use kiwi_store::testing::same_lease;
use kiwi_store::{Administration, Publishing, Reading};

/// The error of an attempt to take the lease.
async fn refused(store: &Redis, cache: &Name) -> Error {
    store.begin(cache, Holder::anonymous(), LEASE_TTL, Due::Always).await.expect_err("a refusal")
}

fn says(error: &Error, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in: {message}");
    }
    assert!(!format!("{message} {error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_never_shown() {
    let server = RedisServer::start_with(&["--requirepass", "right"]);
    let cache = name("airlines");
    for (user, db, said) in [
        (":s3cret@", 0, "refuses the user and password"),
        ("nobody:s3cret@", 0, "refuses the user and password"),
        ("", 0, "requires a password"),
        ("", 1, "requires a password"),
    ] {
        let store = open(&format!("redis://{user}127.0.0.1:{}/{db}", server.port()));
        let error = refused(&store, &cache).await;
        assert!(error.is_denied() && error.cache() == Some(&cache), "{error:?}");
        says(&error, &["cache `airlines`", "127.0.0.1", said, "redis://USER:PASSWORD@HOST"]);
        let findings = store.check().await.unwrap();
        assert!(findings.len() == 1 && findings[0].fatal, "{findings:?}");
    }
    let store = open(&format!("redis://:right@127.0.0.1:{}", server.port()));
    refill(&store, &cache, &map(&[("FR", "1")])).await;
}

#[tokio::test]
async fn a_password_that_nobody_set_is_denied() {
    let server = RedisServer::start();
    let error = refused(&open(&format!("redis://:s3cret@127.0.0.1:{}", server.port())), &name("airlines")).await;
    assert!(error.is_denied(), "{error:?}");
    says(&error, &["has no password", "requirepass"]);
}

#[tokio::test]
async fn a_password_that_is_set_while_a_host_runs_is_asked_for() {
    let server = RedisServer::start();
    let (store, cache) = (open(&server.url()), name("airlines"));
    refill(&store, &cache, &map(&[("FR", "1")])).await;
    let _: () = server.command(&["CONFIG", "SET", "requirepass", "right"]).unwrap();
    let known = format!("redis://:right@127.0.0.1:{}", server.port());
    let mut connection = redis::Client::open(known.as_str()).unwrap().get_connection().unwrap();
    redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).exec(&mut connection).unwrap();
    let error = refused(&store, &cache).await;
    assert!(error.is_denied(), "{error:?}");
    says(&error, &["requires a password"]);
    assert!(published(&open(&known), &cache).await.is_some());
}

#[tokio::test]
async fn too_many_clients_are_reported_and_a_place_that_is_free_in_a_moment_is_waited_for() {
    let server = RedisServer::start_with(&["--maxclients", "3"]);
    let (store, cache) = (open(&server.url()), name("airlines"));
    let occupy = || {
        let stream = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream
    };
    // A client too many is sent a line.
    let is_refused = |stream: &std::net::TcpStream| std::io::Read::read(&mut &*stream, &mut [0; 64]).is_ok();
    let mut clients = Vec::new();
    loop {
        let client = occupy();
        if is_refused(&client) {
            break;
        }
        clients.push(client);
    }
    let error = refused(&store, &cache).await;
    assert!(error.is_unavailable(), "{error:?}");
    says(&error, &["too many clients", "maxclients"]);

    let (begun, ()) = tokio::join!(store.status(&cache), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        clients.clear();
    });
    begun.unwrap();
}

#[tokio::test]
async fn a_sentinel_is_not_the_server_it_watches() {
    let server = RedisServer::start_sentinel();
    let cache = name("airlines");
    for url in ["redis://127.0.0.1:PORT", "redis://127.0.0.1:PORT/1", "redis://:s3cret@127.0.0.1:PORT"] {
        let store = open(&url.replace("PORT", &server.port().to_string()));
        for error in [refused(&store, &cache).await, store.status(&cache).await.unwrap_err()] {
            assert!(error.is_invalid(), "{url}: {error}");
            says(&error, &["is a Sentinel", "the address of the primary itself", "not supported yet"]);
        }
        let findings = store.check().await.unwrap();
        assert!(findings.iter().any(|finding| finding.fatal && finding.message.contains("Sentinel")), "{findings:?}");
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_says_so() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let (store, cache) = (open(&server.url()), name("airlines"));
    let error = refused(&store, &cache).await;
    assert!(error.is_unavailable(), "{error}");
    says(&error, &["a node of a cluster", "expected a standalone server"]);
    // Another node has the slot of our keys.
    let slot: i64 = server.command(&["CLUSTER", "KEYSLOT", "kiwi:{airlines}"]).unwrap();
    let other = RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let _: () = other.command(&["CLUSTER", "ADDSLOTS", &slot.to_string()]).unwrap();
    let _: () = server.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]).unwrap();
    let _: () = server.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).unwrap();
    eventually("the nodes know each other", || async { refused(&store, &cache).await.is_invalid() }).await;
    says(&refused(&store, &cache).await, &["a node of a cluster", "expected a standalone server"]);
}

#[tokio::test]
async fn a_missing_right_is_named_before_anything_is_written() {
    let server = RedisServer::start();
    let cache = name("airlines");
    for (denied, db) in
        [("rename", 0), ("unlink", 0), ("pexpireat", 0), ("hset", 0), ("multi", 0), ("evalsha", 0), ("select", 1)]
    {
        let rules = ["ACL", "SETUSER", denied, "reset", "on", ">s3cret", "~kiwi:*", "&*", "+@all"];
        let _: () = server.command(&rules).unwrap();
        let _: () = server.command(&["ACL", "SETUSER", denied, &format!("-{denied}")]).unwrap();
        let store = open(&format!("redis://{denied}:s3cret@127.0.0.1:{}/{db}", server.port()));
        let error = refused(&store, &cache).await;
        assert!(error.is_denied(), "{error}");
        let grant = format!("ACL SETUSER {denied} ~kiwi:* &kiwi:* +{denied}");
        says(&error, &["cache `airlines`", &denied.to_uppercase(), &grant]);
        let findings = store.check().await.unwrap();
        assert!(findings.iter().any(|finding| finding.fatal && finding.message.contains(&grant)), "{findings:?}");
        assert_eq!(server.command::<i64>(&["DBSIZE"]).unwrap(), 0);
    }
}

#[tokio::test]
async fn a_user_who_may_only_read_reads_and_is_told_what_else_he_may_not() {
    let server = RedisServer::start();
    let cache = name("airlines");
    refill(&open(&server.url()), &cache, &map(&[("FR", "1")])).await;
    let rules = ["ACL", "SETUSER", "reader", "reset", "on", ">s3cret", "~kiwi:*", "+@read", "+@transaction", "+time"];
    let _: () = server.command(&rules).unwrap();
    let reader = open(&format!("redis://reader:s3cret@127.0.0.1:{}", server.port()));
    assert_eq!(published(&reader, &cache).await.unwrap().1, map(&[("FR", "1")]));
    assert_eq!(reader.status(&cache).await.unwrap().presence.whole().map(|head| head.entries), Some(1));
    let error = refused(&reader, &cache).await;
    assert!(error.is_denied(), "{error}");
    says(&error, &["EVALSHA"]);
    let elsewhere = name("airlines");
    let StoreUrl::Redis(options) = format!("redis://reader:s3cret@127.0.0.1:{}", server.port()).parse().unwrap() else {
        panic!("no Redis")
    };
    let outside = Redis::open(&options.with_key_prefix("other:").unwrap()).unwrap();
    let error = outside.whole(&elsewhere).await.unwrap_err();
    assert!(error.is_denied(), "{error}");
    says(&error, &["ACL SETUSER reader ~other:*"]);
}

#[tokio::test]
async fn a_cache_that_may_not_be_read_takes_no_reply_from_the_others() {
    let server = RedisServer::start();
    let caches = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(name);
    let mut rules: Vec<String> =
        ["reset", "on", ">s3cret", "-@all", "+@read", "+@transaction", "+time"].map(str::to_owned).into();
    let mut ids = Vec::new();
    for (entries, cache) in (1..).zip(&caches) {
        let map: Map = (0..entries).map(|key| (key.to_string(), cache.to_string())).collect();
        ids.push(refill(&open(&server.url()), cache, &map).await);
        if cache.as_str() != "c" {
            rules.push(format!("~kiwi:{{{cache}}}*"));
        }
    }
    let rules: Vec<&str> = ["ACL", "SETUSER", "reader"].into_iter().chain(rules.iter().map(String::as_str)).collect();
    let _: () = server.command(&rules).unwrap();
    let reader = open(&format!("redis://reader:s3cret@127.0.0.1:{}", server.port()));
    let statuses = reader.statuses(&caches).await.unwrap();
    assert_eq!(statuses.len(), caches.len());
    for (((entries, cache), id), status) in (1..).zip(&caches).zip(ids).zip(statuses) {
        match status {
            Ok(status) => {
                let head = status.presence.whole().map(|head| (head.id, head.entries));
                assert_eq!(head, Some((id, entries)), "{cache}");
            }
            Err(error) => {
                assert!(cache.as_str() == "c" && error.is_denied() && error.cache() == Some(cache), "{cache}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_named_and_not_touched() {
    let cache = name("airlines");
    for (key, found) in [
        ("kiwi:{airlines}", "a string"),
        ("kiwi:{airlines}:meta", "a string"),
        ("kiwi:{airlines}:lease", "a string"),
        ("kiwi:{airlines}:log", "a string"),
    ] {
        let server = RedisServer::start();
        let store = open(&server.url());
        let _: () = server.command(&["SET", key, "mine"]).unwrap();
        let error = refused(&store, &cache).await;
        assert!(error.is_wrong_type(), "{error}");
        says(&error, &["cache `airlines`", key, found, "delete or rename"]);
        assert_eq!(server.command::<i64>(&["DBSIZE"]).unwrap(), 1);
        assert_eq!(server.command::<String>(&["GET", key]).unwrap(), "mine");
        if !key.ends_with("changes") {
            assert!(store.status(&cache).await.unwrap_err().is_wrong_type());
        }
        let error = store.forget(&cache).await.unwrap_err();
        assert!(error.is_wrong_type(), "{error}");
        assert_eq!(server.command::<String>(&["GET", key]).unwrap(), "mine");
    }
}

#[tokio::test]
async fn a_key_of_another_type_during_the_load_stops_the_commit() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let old = map(&[("FR", "1")]);
    refill(&store, &cache, &old).await;
    let (lease, _) = take(&store, &cache).await;
    store.stage(&lease, &batch(&old)).await.unwrap();
    let _: () = server.command(&["SET", "kiwi:{airlines}:log", "mine"]).unwrap();
    let (lease, error) = failed(store.commit(lease, &swap(Id::random(), &old)).await);
    assert!(error.is_wrong_type(), "{error}");
    says(&error, &["expected a stream"]);
    let _: () = server.command(&["DEL", "kiwi:{airlines}:log"]).unwrap();
    assert_eq!(published(&store, &cache).await.unwrap().1, old);
    // The lease can be given back all the same.
    store.fail(same_lease(&lease), Duration::ZERO, &failure(), CACHE_TTL).await.unwrap();
    assert!(!store.renew(&lease, LEASE_TTL).await.unwrap());
}

#[tokio::test]
async fn full_memory_is_reported_and_the_old_data_stays() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    let old = map(&[("FR", "1")]);
    let id = refill(&store, &cache, &old).await;
    let (lease, _) = take(&store, &cache).await;
    let _: () = server.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();

    let error = store.stage(&lease, &batch(&large())).await.unwrap_err();
    assert!(error.is_full() && error.cache() == Some(&cache), "{error}");
    says(&error, &["maxmemory"]);
    let change = Content::Delta {
        id: Id::random(),
        base: id,
        delta: delta(&old, &map(&[("FR", "2")])),
        entries: 1,
        bytes: 3,
        root: Root::default(),
    };
    let (lease, error) = failed(store.commit(lease, &publish(change)).await);
    assert!(error.is_full(), "{error}");
    assert!(store.renew(&lease, LEASE_TTL).await.unwrap());
    assert!(store.prolong(&cache, Ttl::For(Duration::from_secs(6_000))).await.unwrap());
    store.fail(lease, Duration::from_secs(60), &failure(), CACHE_TTL).await.unwrap();

    let status = store.status(&cache).await.unwrap();
    assert_eq!(status.presence.whole().map(|head| head.id), Some(id));
    assert!(matches!(status.lease, kiwi_store::LeaseState::Backoff { .. }), "{status:?}");
    assert_eq!(status.last_error().map(|error| error.kind.clone()).as_deref(), Some("unavailable"));
    assert!(server.command::<i64>(&["PTTL", "kiwi:{airlines}"]).unwrap() > 5_000_000);
    // A full server refuses to queue any command in a MULTI, but must not stop readers.
    assert_eq!(published(&store, &cache).await.unwrap().1, old);
    assert_eq!(store.get(&cache, &["FR", "LH"]).await.unwrap(), Some(vec![Some("1".into()), None]));
    assert_eq!(store.changes(&cache, id).await.unwrap().unwrap().deltas, []);
    assert!(refused(&store, &cache).await.is_full());
}

#[tokio::test]
async fn a_check_finds_memory_that_is_full_or_almost_full() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let message = async || {
        let findings = store.check().await.unwrap();
        assert!(findings.len() <= 1, "{findings:?}");
        findings.into_iter().next().map(|finding| (finding.fatal, finding.message))
    };
    let set_maxmemory = |bytes: i64| {
        let _: () = server.command(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]).unwrap();
    };
    assert_eq!(message().await, None);
    // Fills the memory, so that a few connections more or less do not matter.
    let _: () = server.command(&["SETRANGE", "other", "100000000", "x"]).unwrap();
    set_maxmemory(105 << 20);
    let (fatal, said) = message().await.expect("a warning");
    assert!(!fatal && said.contains("almost full") && said.contains("of 105 MiB"), "{said}");
    set_maxmemory(1);
    let (fatal, said) = message().await.expect("an error");
    assert!(fatal && said.contains("is full: raise its maxmemory"), "{said}");
    set_maxmemory(0);
    assert_eq!(message().await, None);
    assert_eq!(server.command::<i64>(&["DBSIZE"]).unwrap(), 1, "nothing is left of the check");
}

#[tokio::test]
async fn a_newer_format_is_reported_to_host_and_reader() {
    let server = RedisServer::start();
    let store = open(&server.url());
    let cache = name("airlines");
    refill(&store, &cache, &map(&[("FR", "1")])).await;
    let _: () = server.command(&["HSET", "kiwi:{airlines}:meta", "format", "3"]).unwrap();
    for error in [
        refused(&store, &cache).await,
        store.whole(&cache).await.unwrap_err(),
        store.get(&cache, &["FR"]).await.unwrap_err(),
        store.status(&cache).await.unwrap_err(),
    ] {
        assert!(error.is_newer_format() && error.cache() == Some(&cache), "{error}");
        says(&error, &["format 3", "update"]);
    }
}
