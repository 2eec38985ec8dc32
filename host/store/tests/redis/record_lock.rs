//! kiwi-cache's lock: taken with the lease, and never taken away from anybody.

use kiwi_store::Layout;
use kiwi_store::LeaseState;

use kiwi_store::testing::same_lease;

use super::record::{LOCK, RESOURCE, laid_out};
use super::*;

fn lock_owner(server: &RedisServer) -> Option<String> {
    server.command(&["GET", LOCK]).unwrap()
}

/// As kiwi-cache takes it.
fn lock(server: &RedisServer) -> bool {
    server.command::<Option<String>>(&["SET", LOCK, "locked", "EX", "5", "NX"]).unwrap().is_some()
}

#[tokio::test]
async fn whoever_holds_the_lock_keeps_the_other_out() {
    let server = RedisServer::start();
    for layout in [Layout::Record, Layout::Both] {
        let (store, cache) = (laid_out(&server, layout), name("airlines"));
        assert!(lock(&server));
        for due in [Due::Always, Due::After(Duration::ZERO)] {
            let begun = store.begin(&cache, Holder::anonymous(), LEASE_TTL, due).await.unwrap();
            let Begin::Busy { left } = begun else { panic!("kiwi-cache is loading: {begun:?}") };
            assert!(left > Duration::ZERO && left <= Duration::from_secs(5), "{left:?}");
        }
        let state = store.status(&cache).await.unwrap().lease;
        assert!(matches!(state, LeaseState::Held { .. }), "{state:?}");
        assert_eq!(lock_owner(&server).as_deref(), Some("locked"));
        server.command::<()>(&["DEL", LOCK]).unwrap();

        let (lease, _) = take(&*store, &cache).await;
        assert_eq!(lock_owner(&server), Some(lease.token().to_string()));
        assert!(!lock(&server), "kiwi-cache has to wait");
        server.command::<()>(&["PEXPIRE", LOCK, "5000"]).unwrap();
        assert!(store.renew(&lease, LEASE_TTL).await.unwrap());
        assert!(server.command::<i64>(&["PTTL", LOCK]).unwrap() > 20_000);
        store.release(lease).await.unwrap();
        assert_eq!(lock_owner(&server), None);
        server.command::<()>(&["FLUSHALL"]).unwrap();
    }
}

#[tokio::test]
async fn without_its_lock_a_host_publishes_nothing_and_deletes_no_other() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    let map = map(&[("FR", "1")]);
    // Deleted by a kiwi-cache that had loaded for longer than its lock lived; and taken by another one.
    for taken in [false, true] {
        let (lease, _) = take(&*store, &cache).await;
        store.stage(&lease, &batch(&map)).await.unwrap();
        server.command::<()>(&["DEL", LOCK]).unwrap();
        if taken {
            assert!(lock(&server));
        }
        assert!(!store.renew(&lease, LEASE_TTL).await.unwrap());
        let lease = refused!(store, lease, &swap(Id::random(), &map), Fenced);
        let again = store.begin(&cache, lease.holder().clone(), LEASE_TTL, Due::Always).await.unwrap();
        assert!(matches!(again, Begin::Busy { .. }), "somebody may have loaded since: {again:?}");
        store.fail(same_lease(&lease), Duration::ZERO, &failure(), CACHE_TTL).await.unwrap();
        store.release(lease).await.unwrap();
        assert_eq!(lock_owner(&server).as_deref(), taken.then_some("locked"));
        assert!(!server.command::<bool>(&["EXISTS", RESOURCE]).unwrap());
        server.command::<()>(&["DEL", LOCK]).unwrap();
    }
}

#[tokio::test]
async fn every_end_of_a_refill_frees_the_lock() {
    let server = RedisServer::start();
    let (store, cache) = (laid_out(&server, Layout::Record), name("airlines"));
    let map = map(&[("FR", "1")]);
    let id = refill(&*store, &cache, &map).await;
    assert_eq!(lock_owner(&server), None);
    let (lease, _) = take(&*store, &cache).await;
    store.commit(lease, &publish(Content::Touch { base: id })).await.unwrap();
    assert_eq!(lock_owner(&server), None);
    let (lease, _) = take(&*store, &cache).await;
    store.fail(lease, Duration::from_secs(60), &failure(), CACHE_TTL).await.unwrap();
    assert_eq!(lock_owner(&server), None, "while our hosts wait, kiwi-cache may try its own source");
    // A host that was killed: the lock goes by itself.
    let begun = store.begin(&cache, Holder::anonymous(), Duration::from_millis(200), Due::Always).await.unwrap();
    assert!(matches!(begun, Begin::Go { .. }), "{begun:?}");
    eventually("the lock has expired", async || lock_owner(&server).is_none()).await;
}
