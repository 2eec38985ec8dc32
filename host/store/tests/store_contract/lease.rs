//! Who may refill, and who may not any more.

use std::time::SystemTime;

use kiwi_store::testing::same_lease;
use kiwi_store::{LastError, LeaseState};

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
            match asking.begin(&cache(), Token::random(), LONG, due).await.unwrap() {
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
    let again = host.begin(&cache(), lease.token(), LONG, Due::Always).await.unwrap();
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
    assert_eq!((now.presence, now.last_error), (Presence::Whole(head), None));
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
        assert_eq!((now.last_error, now.lease), (None, LeaseState::Free));
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
    eventually("the error is gone", async || status(&host).await.last_error.is_none()).await;
}

/// Whether a status tells of an error. When it was is for the store's clock to say.
fn tells(status: &Status, error: &LastError) -> bool {
    let told = |last: &LastError| last.kind == error.kind && last.message == error.message && last.at <= status.now;
    status.last_error.as_ref().is_some_and(told)
}

/// An error with everything in it that a careless encoding would lose.
fn error(at: SystemTime) -> LastError {
    LastError::new(at, "unavailable", "no \"answer\":\nfrom é: `1`")
}
