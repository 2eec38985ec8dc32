//! Who may refill, and who may not any more.

use std::time::SystemTime;

use kiwi_store::testing::same_lease;
use kiwi_store::{DefinitionId, Holder, HostReport, Id, LastError, LeaseState, Trouble};

use super::*;

pub(crate) async fn a_missing_cache_is_due(place: &impl Place) {
    let begin = begin_after(&place.open(), LONG).await;
    assert!(matches!(begin, Begin::Go { base: None, .. }), "{begin:?}");
}

pub(crate) async fn a_fresh_cache_is_not_due_unless_always(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let head = refilled(&host, &[("FR", "1")]).await;
    match begin_after(&other, LONG).await {
        Begin::Fresh { left } => assert!(left <= LONG && left > LONG / 2, "{left:?}"),
        begin => panic!("{begin:?}"),
    }
    assert_eq!(status(&host).await.lease, LeaseState::Free, "asking took no lease");
    let (_, base) = go_for(&other, &cache(), LONG).await;
    assert_eq!(base, Some(head));
}

pub(crate) async fn a_cache_is_due_after_its_time(place: &impl Place) {
    let host = place.open();
    let head = refilled(&host, &[("FR", "1")]).await;
    short_is_over(&host).await;
    match begin_after(&host, SHORT).await {
        Begin::Go { base, .. } => assert_eq!(base, Some(head)),
        begin => panic!("{begin:?}"),
    }
}

pub(crate) async fn another_host_finds_it_busy_even_for_always(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    refilled(&host, &[("FR", "1")]).await;
    let (lease, _) = go_for(&host, &cache(), LONG).await;
    // A host excludes itself as well: it may be refilling twice by mistake.
    for asking in [&other, &host] {
        for due in [Due::After(SHORT), Due::Always] {
            match asking.begin(&cache(), Holder::anonymous(), LONG, due).await.unwrap() {
                Begin::Busy { left } => assert!(left <= LONG && left > LONG / 2, "{left:?}"),
                begin => panic!("{begin:?}"),
            }
        }
    }
    let now = status(&other).await;
    match now.lease {
        LeaseState::Held { until } => assert!(until > now.now && until <= now.now + LONG, "{now:?}"),
        lease => panic!("{lease:?}"),
    }
    let _other = go_for(&other, &name("airports"), LONG).await;
    assert!(host.renew(&lease, LONG).await.unwrap());
}

pub(crate) async fn the_same_token_takes_its_lease_again_with_what_it_staged(place: &impl Place) {
    let host = place.open();
    let lease = go(&host).await;
    let new = map(&[("FR", "1")]);
    stage(&host, &lease, &new).await;
    let again = host.begin(&cache(), lease.holder().clone(), LONG, Due::Always).await.unwrap();
    assert!(matches!(again, Begin::Go { .. }), "{again:?}");
    host.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&host).await, new);
}

pub(crate) async fn a_lapsed_lease_goes_to_another_host_without_what_was_staged(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let (lapsed, _) = go_for(&host, &cache(), SHORT).await;
    stage(&host, &lapsed, &map(&[("FR", "old"), ("LH", "old")])).await;
    short_is_over(&host).await;

    let lease = go(&other).await;
    assert!(!other.is_staged(&lease, "FR").await.unwrap());
    assert!(!host.renew(&lapsed, LONG).await.unwrap());
    let new = map(&[("AF", "new")]);
    stage(&other, &lease, &new).await;
    let _lapsed = refused!(host, lapsed, &swap_to(&map(&[("FR", "old")])), Fenced);
    other.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&host).await, new);
}

pub(crate) async fn a_lapsed_lease_nobody_took_still_commits(place: &impl Place) {
    let host = place.open();
    let (lease, _) = go_for(&host, &cache(), SHORT).await;
    let new = map(&[("FR", "1")]);
    stage(&host, &lease, &new).await;
    short_is_over(&host).await;
    host.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&host).await, new);
}

pub(crate) async fn renewing_prolongs_the_lease(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let (lease, _) = go_for(&host, &cache(), SHORT).await;
    assert!(host.renew(&lease, LONG).await.unwrap());
    short_is_over(&host).await;
    let begin = begin_after(&other, SHORT).await;
    assert!(matches!(begin, Begin::Busy { left } if left > LONG / 2), "{begin:?}");
}

pub(crate) async fn a_fenced_host_changes_nothing(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let head = refilled(&host, &[("FR", "1")]).await;
    let mut fenced = go(&host).await;
    host.release(same_lease(&fenced)).await.unwrap();
    let lease = go(&other).await;
    let new = map(&[("FR", "2")]);
    stage(&other, &lease, &new).await;

    let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
    let empty = swap_to(&Map::new());
    let delta = delta_to(head.id, &map(&[("FR", "1")]), &map(&[("LH", "1")]));
    for attempt in [touch, empty, delta] {
        fenced = refused!(host, fenced, &attempt, Fenced);
    }
    assert!(!host.renew(&fenced, LONG).await.unwrap());
    host.fail(same_lease(&fenced), LONG, &error(SystemTime::now()), Ttl::For(LONG)).await.unwrap();
    host.release(fenced).await.unwrap();

    let now = status(&host).await;
    assert_eq!((&now.presence, now.last_error()), (&Presence::Whole(head), None));
    assert!(matches!(now.lease, LeaseState::Held { .. }), "{:?}", now.lease);
    other.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&host).await, new);
}

pub(crate) async fn a_released_lease_is_free_at_once(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let lease = go(&host).await;
    stage(&host, &lease, &map(&[("FR", "1")])).await;
    host.release(lease).await.unwrap();
    assert_eq!(status(&other).await.lease, LeaseState::Free);
    let lease = go(&other).await;
    assert!(!other.is_staged(&lease, "FR").await.unwrap());
}

pub(crate) async fn a_failure_makes_every_host_back_off(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let lease = go(&host).await;
    stage(&host, &lease, &map(&[("FR", "1")])).await;
    host.fail(same_lease(&lease), LONG, &error(SystemTime::now()), Ttl::For(LONG)).await.unwrap();
    assert!(!host.renew(&lease, LONG).await.unwrap());
    for asking in [&host, &other] {
        match begin_after(asking, SHORT).await {
            Begin::Backoff { left } => assert!(left <= LONG && left > LONG / 2, "{left:?}"),
            begin => panic!("{begin:?}"),
        }
    }
    let now = status(&other).await;
    match now.lease {
        LeaseState::Backoff { until } => assert!(until > now.now && until <= now.now + LONG, "{now:?}"),
        lease => panic!("{lease:?}"),
    }

    let lease = go(&other).await;
    assert!(!other.is_staged(&lease, "FR").await.unwrap(), "what the failed load staged is gone");
    other.fail(lease, SHORT, &error(SystemTime::now()), Ttl::For(LONG)).await.unwrap();
    short_is_over(&other).await;
    assert_eq!(status(&host).await.lease, LeaseState::Free);
    let begin = begin_after(&host, LONG).await;
    assert!(matches!(begin, Begin::Go { .. }), "{begin:?}");
}

pub(crate) async fn a_failure_keeps_the_data_and_success_forgets_the_error(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let head = refilled(&host, &[("FR", "1")]).await;
    let error = error(head.loaded_at);
    for content in [Content::Touch { base: head.id }, swap_to(&Map::new()).content] {
        let lease = go(&host).await;
        host.fail(lease, SHORT, &error, Ttl::For(SHORT)).await.unwrap();
        short_is_over(&host).await;
        assert_eq!(read(&other).await, map(&[("FR", "1")]));

        let lease = go(&other).await;
        let now = status(&host).await;
        assert!(tells(&now, &error), "only success forgets it: {now:?}");
        assert_eq!(now.presence.whole().map(|head| head.id), Some(head.id));
        other.commit(lease, &publish(Ttl::For(LONG), content)).await.unwrap();
        let now = status(&host).await;
        assert_eq!((now.last_error(), now.lease), (None, LeaseState::Free));
    }
}

pub(crate) async fn the_error_of_a_cache_never_published_is_kept_for_a_while(place: &impl Place) {
    let host = place.open();
    let error = error(status(&host).await.now);
    let lease = go(&host).await;
    host.fail(lease, SHORT, &error, Ttl::For(LONG)).await.unwrap();
    let now = status(&host).await;
    assert!(now.presence == Presence::Missing && tells(&now, &error), "{now:?}");
    short_is_over(&host).await;
    assert!(tells(&status(&host).await, &error), "longer than the backoff");

    let lease = go(&host).await;
    host.fail(lease, SHORT, &error, Ttl::For(SHORT)).await.unwrap();
    eventually("the error is gone", async || status(&host).await.last_error().is_none()).await;
}

pub(crate) async fn failures_are_counted_over_all_hosts_of_one_definition(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let (right, wrong) = (DefinitionId::of(1), DefinitionId::of(2));
    let begin = async |store: &Arc<dyn Store>, definition, due| {
        let host = if definition == wrong { "web-2" } else { "web-1" };
        store.begin(&cache(), Holder::new(definition, host), LONG, due).await.unwrap()
    };
    let fail = async |store: &Arc<dyn Store>, definition, backoff| match begin(store, definition, Due::Always).await {
        Begin::Go { lease, failures, .. } => {
            let at = status(store).await.now;
            store.fail(lease, backoff, &error(at), Ttl::For(LONG)).await.unwrap();
            failures
        }
        begin => panic!("{begin:?}"),
    };
    assert_eq!([fail(&host, wrong, SHORT).await, fail(&other, wrong, LONG).await], [0, 1]);
    assert!(matches!(begin(&host, wrong, Due::After(LONG)).await, Begin::Backoff { .. }));
    // A wrong configuration on one host does not keep hosts with the right one from loading.
    match begin(&other, right, Due::After(LONG)).await {
        Begin::Go { lease, failures: 0, .. } => {
            assert_eq!(status(&host).await.holder.as_deref(), Some("web-1"));
            other.stage(&lease, &[("FR", "1")].into_iter().collect()).await.unwrap();
            let swap = swap_to(&map(&[("FR", "1")]));
            other.commit(lease, &swap).await.unwrap();
        }
        begin => panic!("{begin:?}"),
    }
    let now = status(&host).await;
    let [failing] = &now.failing[..] else { panic!("its success forgets no failure of the others: {now:?}") };
    assert_eq!((failing.definition, failing.times, failing.host.as_str()), (wrong, 2, "web-2"));
    assert!(failing.since <= failing.last.at && failing.last.at <= now.now && failing.retry_at > now.now, "{now:?}");
    match begin(&host, wrong, Due::Always).await {
        Begin::Go { lease, failures: 2, base: Some(base), .. } => {
            host.commit(lease, &publish(Ttl::For(LONG), Content::Touch { base: base.id })).await.unwrap();
        }
        begin => panic!("{begin:?}"),
    }
    assert_eq!(status(&host).await.failing, []);
    assert_eq!(fail(&host, wrong, SHORT).await, 0, "a success begins the count anew");
}

pub(crate) async fn hosts_report_and_withdraw(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let hosts = async || reader.hosts(&[cache(), name("other")]).await.unwrap();
    assert_eq!(hosts().await, [vec![], vec![]]);
    let trouble = Trouble {
        kind: "plugin".into(),
        message: "no \"file\":\né".into(),
        times: 3,
        lasted: Duration::from_millis(1_500),
    };
    let running = HostReport { id: Id::random(), host: "web-1 (process 7)".into(), trouble: None };
    let refused = HostReport { id: Id::random(), host: "web-2 (process 8)".into(), trouble: Some(trouble) };
    host.report(&cache(), &running).await.unwrap();
    host.report(&cache(), &refused).await.unwrap();
    host.report(&cache(), &running).await.unwrap();
    let [of_cache, of_other] = &hosts().await[..] else { panic!("one list for each cache") };
    assert_eq!(of_other[..], []);
    let found = |report: &HostReport| of_cache.iter().find(|host| host.report == *report).expect("it is kept").clone();
    assert_eq!(of_cache.len(), 2, "a host that reports again is the same host");
    assert!(found(&running).is_alive && found(&refused).is_alive && found(&running).since <= found(&running).seen);
    assert_eq!(reader.caches().await.unwrap(), [cache()], "a cache that only a host knows of is listed");
    host.withdraw(&cache(), running.id).await.unwrap();
    host.withdraw(&cache(), running.id).await.unwrap();
    assert_eq!(hosts().await[0].iter().map(|host| host.report.clone()).collect::<Vec<_>>(), [refused]);
    assert!(host.forget(&cache()).await.unwrap());
    assert_eq!(hosts().await, [vec![], vec![]]);
}

/// Whether a status tells of an error. When it was is for the store's clock to say.
fn tells(status: &Status, error: &LastError) -> bool {
    let told = |last: &LastError| last.kind == error.kind && last.message == error.message && last.at <= status.now;
    status.last_error().is_some_and(told)
}

/// An error with everything in it that a careless encoding would lose.
fn error(at: SystemTime) -> LastError {
    LastError::new(at, "unavailable", "no \"answer\":\nfrom é: `1`")
}
