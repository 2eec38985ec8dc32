//! What readers see, and what is told of the store as a whole.

use kiwi_store::HashState;

use super::*;

/// More than one chunk of any store.
fn large(value: &str) -> Map {
    (0..20_000).map(|n| (format!("key {n:05}"), format!("\"{value} {n}\""))).collect()
}

pub(crate) async fn a_large_map_comes_in_parts_of_one_snapshot(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let data = large("a");
    let head = refill(&host, &cache(), &data, Ttl::For(LONG)).await;
    assert_eq!(head.entries, 20_000);
    let mut whole = reader.whole(&cache()).await.unwrap().expect("it is published");
    assert_eq!(whole.head(), &head);
    let (first, _) = whole.next().await.unwrap().unwrap().unpack().unwrap();
    assert!(!first.is_empty() && first.len() < 10_000, "{}", first.len());
    assert!(read(&reader).await == data);
}

/// A reader that has begun is not disturbed by a host that publishes.
pub(crate) async fn a_whole_that_is_replaced_meanwhile_stays_what_it_was(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let (old, new) = (large("a"), large("b"));
    let before = refill(&host, &cache(), &old, Ttl::For(LONG)).await;
    let mut whole = reader.whole(&cache()).await.unwrap().expect("it is published");
    let mut entries = entries_of(&whole.next().await.unwrap().unwrap().unpack().unwrap().0);
    refill(&host, &cache(), &new, Ttl::For(LONG)).await;
    while let Some(part) = whole.next().await {
        entries.extend(entries_of(&part.unwrap().unpack().unwrap().0));
    }
    assert!(whole.head() == &before && entries == old);
    assert!(read(&reader).await == new);
}

pub(crate) async fn a_whole_of_a_cache_that_is_deleted_meanwhile_is_all_or_an_error(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let data = large("a");
    refill(&host, &cache(), &data, Ttl::For(LONG)).await;
    let mut whole = reader.whole(&cache()).await.unwrap().expect("it is published");
    host.forget(&cache()).await.unwrap();
    let mut entries = Map::new();
    let error = loop {
        match whole.next().await {
            Some(Ok(part)) => entries.extend(entries_of(&part.unpack().unwrap().0)),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(error.as_ref().map_or(entries == data, |error| error.is_missing()), "{error:?}");
    assert!(reader.whole(&cache()).await.unwrap().is_none());
}

pub(crate) async fn get_gives_values_in_the_order_asked(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    refilled(&host, &[("FR", "1"), ("LH", "2")]).await;
    let too_long = "x".repeat(600);
    let got = reader.get(&cache(), &["LH", "absent", "FR", "", &too_long, "LH"]).await.unwrap().unwrap();
    let got: Vec<_> = got.iter().map(Option::as_deref).collect();
    assert_eq!(got, [Some(&b"2"[..]), None, Some(b"1"), None, None, Some(b"2")]);
    assert_eq!(reader.get(&cache(), &[]).await.unwrap(), Some(vec![]));
}

pub(crate) async fn what_is_looked_up_comes_with_its_head(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    assert!(reader.look_up(&cache(), &["FR"]).await.unwrap().is_none());
    for value in ["1", "2"] {
        refilled(&host, &[("FR", value), ("LH", value)]).await;
        // At first from what the hash follows, in a store that has one.
        for is_shown in [false, true] {
            let (found, status) =
                (reader.look_up(&cache(), &["XX", "LH"]).await.unwrap().unwrap(), status(&host).await);
            assert_eq!((Some(&found.head), found.hash), (status.presence.whole(), status.hash));
            assert_eq!(found.values, [None, Some(value.into())]);
            assert!(found.now >= found.head.checked_at && found.now <= status.now, "{found:?} {status:?}");
            assert!(!is_shown || found.hash != HashState::Behind, "{found:?}");
            host.update_hash(&cache()).await.unwrap();
        }
    }
}

pub(crate) async fn nothing_is_published_under_an_unknown_name(place: &impl Place) {
    let reader = place.open();
    assert_eq!(status(&reader).await.presence, Presence::Missing);
    assert_eq!(reader.get(&cache(), &["FR"]).await.unwrap(), None);
    assert_eq!(reader.get(&cache(), &[]).await.unwrap(), None);
    assert!(reader.whole(&cache()).await.unwrap().is_none());
    assert_eq!(reader.caches().await.unwrap(), [], "reading leaves no trace");
}

pub(crate) async fn statuses_come_in_the_order_asked(place: &impl Place) {
    let host = place.open();
    assert!(host.statuses(&[]).await.unwrap().is_empty());
    let first = refill(&host, &name("b"), &map(&[("FR", "1")]), Ttl::For(LONG)).await;
    let second = refill(&host, &name("a"), &map(&[("LH", "22")]), Ttl::For(LONG)).await;
    let asked = [name("b"), name("none"), name("a"), name("b")];
    let statuses = host.statuses(&asked).await.unwrap().into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    let heads: Vec<_> = statuses.iter().map(|status| status.presence.whole()).collect();
    assert_eq!(heads, [Some(&first), None, Some(&second), Some(&first)]);
}

pub(crate) async fn caches_are_listed_sorted(place: &impl Place) {
    let host = place.open();
    assert_eq!(host.caches().await.unwrap(), []);
    for cache in ["b", "a.1", "C", "b-2"] {
        refill(&host, &name(cache), &map(&[("FR", "1")]), Ttl::For(LONG)).await;
    }
    assert_eq!(place.open().caches().await.unwrap(), ["C", "a.1", "b", "b-2"].map(name));
}

pub(crate) async fn what_has_nothing_to_show_is_not_listed(place: &impl Place) {
    let host = place.open();
    refill(&host, &name("expired"), &map(&[("FR", "1")]), Ttl::For(SHORT)).await;
    let (given_up, _) = go_for(&host, &name("given-up"), LONG).await;
    host.stage(&given_up, &[("FR", "1")].into_iter().collect()).await.unwrap();
    host.release(given_up).await.unwrap();
    let (_loading, _) = go_for(&host, &name("loading"), LONG).await;
    refill(&host, &name("kept"), &map(&[]), Ttl::For(LONG)).await;
    eventually("the short-lived one is gone", async || host.caches().await.unwrap() == [name("kept")]).await;
}

pub(crate) async fn forget_deletes_everything_of_one_cache(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    assert!(!host.forget(&cache()).await.unwrap(), "there was nothing");
    let kept = refill(&host, &name("airlines-2"), &map(&[("LH", "1")]), Ttl::For(LONG)).await;
    let head = refilled(&host, &[("FR", "1")]).await;
    assert!(other.forget(&cache()).await.unwrap());
    for store in [&host, &other] {
        assert_eq!(status(store).await.presence, Presence::Missing);
        assert_eq!(store.caches().await.unwrap(), [name("airlines-2")]);
        assert_eq!(store.changes(&cache(), head.id).await.unwrap(), None);
    }
    assert!(!host.forget(&cache()).await.unwrap(), "there is nothing any more");
    assert_eq!(head_of(&host, &name("airlines-2")).await, kept);
    assert_eq!(refilled(&host, &[("FR", "2")]).await.seq, 1);
    assert_eq!(read(&other).await, map(&[("FR", "2")]));
}

pub(crate) async fn forget_fences_the_host_that_is_refilling(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let lease = go(&host).await;
    let new = map(&[("FR", "1")]);
    stage(&host, &lease, &new).await;
    assert!(other.forget(&cache()).await.unwrap());
    assert!(!host.renew(&lease, LONG).await.unwrap());
    let _lease = refused!(host, lease, &swap_to(&new), Fenced);
    assert_eq!(other.caches().await.unwrap(), []);
    let lease = go(&other).await;
    assert!(!other.is_staged(&lease, "FR").await.unwrap());
}

pub(crate) async fn a_good_store_passes_its_check(place: &impl Place) {
    let store = place.open();
    let findings = store.check().await.unwrap();
    assert!(findings.iter().all(|finding| !finding.fatal), "{findings:?}");
    assert!(!store.location().is_empty());
    assert_eq!(store.caches().await.unwrap(), [], "checking leaves no trace");
}
