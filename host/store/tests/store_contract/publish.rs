//! What a commit makes visible, and what it refuses.

use kiwi_store::LeaseState;
use kiwi_store::testing::same_lease;

use super::*;

pub(crate) async fn a_snapshot_is_visible_whole_at_its_commit_and_not_before(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let new = map(&[("FR", r#"{"name":"Ryanair"}"#), ("LH", "2")]);
    let lease = go(&host).await;
    stage(&host, &lease, &new).await;
    assert_eq!(status(&reader).await.presence, Presence::Missing);
    assert_eq!(reader.get(&cache(), &["FR"]).await.unwrap(), None);
    host.commit(same_lease(&lease), &swap_to(&new)).await.unwrap();
    assert_eq!(read(&reader).await, new);
    assert_eq!(status(&reader).await.lease, LeaseState::Free);
    assert!(!host.renew(&lease, LONG).await.unwrap(), "the commit has ended the lease");
}

pub(crate) async fn a_swap_replaces_every_entry(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let before = refilled(&host, &[("FR", "1"), ("LH", "1")]).await;
    let lease = go(&host).await;
    let new = map(&[("FR", "2"), ("AF", "2")]);
    stage(&host, &lease, &new).await;
    assert_eq!(read(&reader).await, map(&[("FR", "1"), ("LH", "1")]));
    host.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&reader).await, new);
    let head = head_of(&reader, &cache()).await;
    assert!(head.id != before.id && head.seq == before.seq + 1, "{before:?} -> {head:?}");
}

pub(crate) async fn an_empty_map_is_whole(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    for before in [&[][..], &[("FR", "1")]] {
        refilled(&host, before).await;
        let head = refilled(&host, &[]).await;
        assert_eq!((head.entries, head.bytes), (0, 0));
        assert_eq!(read(&reader).await, Map::new());
        assert_eq!(reader.get(&cache(), &["FR"]).await.unwrap(), Some(vec![None]));
        let (lease, base) = go_for(&host, &cache(), LONG).await;
        assert_eq!(base, Some(head.clone()));
        let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
        host.commit(lease, &touch).await.unwrap();
    }
}

pub(crate) async fn the_head_says_what_was_published(place: &impl Place) {
    let host = place.open();
    let new = map(&[("FR", "1"), ("é", "[2]")]);
    let lease = go(&host).await;
    stage(&host, &lease, &new).await;
    let mark = Some("W/\"é\n\"".to_owned());
    let (cache_ttl, refill_interval) = (Ttl::For(Duration::from_millis(123_456)), Duration::from_millis(7_890));
    let swap = Publish::new(swap_to(&new).content, cache_ttl, refill_interval).with_mark(mark);
    let before = status(&host).await.now;
    host.commit(lease, &swap).await.unwrap();
    let Status { now, presence, .. } = status(&host).await;
    let head = presence.whole().unwrap().clone();
    let Content::Swap { id, entries, bytes, root } = swap.content else { unreachable!() };
    assert!(before <= head.loaded_at && head.loaded_at == head.checked_at && head.checked_at <= now, "{head:?}");
    let mut expected = Head::new(id, entries, bytes, root);
    (expected.seq, expected.mark) = (1, swap.mark);
    (expected.loaded_at, expected.checked_at) = (head.loaded_at, head.checked_at);
    (expected.cache_ttl, expected.refill_interval) = (swap.cache_ttl, swap.refill_interval);
    assert_eq!((head.entries, head.bytes), (2, 8));
    assert_eq!(head, expected);
}

pub(crate) async fn no_mark_is_not_an_empty_mark(place: &impl Place) {
    let host = place.open();
    for mark in [None, Some(String::new()), Some("x".into()), None] {
        let lease = go(&host).await;
        let swap = swap_to(&Map::new()).with_mark(mark.clone());
        host.commit(lease, &swap).await.unwrap();
        assert_eq!(go_for(&host, &cache(), SHORT).await.1.unwrap().mark, mark);
        short_is_over(&host).await;
    }
}

pub(crate) async fn a_touch_moves_only_what_it_is_told(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let head = refilled(&host, &[("FR", "1")]).await;
    short_is_over(&host).await;
    let lease = go(&host).await;
    let touch = Publish::new(Content::Touch { base: head.id }, Ttl::For(LONG * 2), Duration::from_secs(5));
    host.commit(lease, &touch).await.unwrap();
    let touched = head_of(&reader, &cache()).await;
    assert!(touched.checked_at >= head.checked_at + SHORT, "{head:?} -> {touched:?}");
    let mut expected = head;
    (expected.mark, expected.checked_at) = (None, touched.checked_at);
    (expected.cache_ttl, expected.refill_interval) = (touch.cache_ttl, touch.refill_interval);
    assert_eq!(touched, expected);
    assert_eq!(read(&reader).await, map(&[("FR", "1")]));
    assert!(matches!(begin_after(&host, LONG).await, Begin::Fresh { .. }));
}

pub(crate) async fn a_touch_drops_what_was_staged(place: &impl Place) {
    let host = place.open();
    let data = [("FR", "1")];
    let head = refilled(&host, &data).await;
    let lease = go(&host).await;
    stage(&host, &lease, &map(&data)).await;
    assert!(host.is_staged(&lease, "FR").await.unwrap());
    let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
    host.commit(lease, &touch).await.unwrap();
    let lease = go(&host).await;
    assert!(!host.is_staged(&lease, "FR").await.unwrap());
    assert_eq!(read(&host).await, map(&data));
}

pub(crate) async fn a_touch_of_something_else_is_moved(place: &impl Place) {
    let host = place.open();
    let touch = publish(Ttl::For(LONG), Content::Touch { base: Id::random() });
    let lease = go(&host).await;
    let lease = refused!(host, lease, &touch, Moved);
    host.release(lease).await.unwrap();
    let head = refilled(&host, &[("FR", "1")]).await;
    let lease = go(&host).await;
    let lease = refused!(host, lease, &touch, Moved);
    assert_eq!(head_of(&host, &cache()).await, head);
    assert!(host.renew(&lease, LONG).await.unwrap(), "a refused commit leaves the lease");
}

pub(crate) async fn a_swap_that_came_through_is_done_when_repeated(place: &impl Place) {
    let (host, other) = (place.open(), place.open());
    let new = map(&[("FR", "1")]);
    let lease = go(&host).await;
    stage(&host, &lease, &new).await;
    let swap = swap_to(&new);
    let lease = losing_its_reply(&host, lease, &swap).await;
    let head = head_of(&host, &cache()).await;
    host.commit(same_lease(&lease), &swap).await.unwrap();
    let next = go(&other).await;
    host.commit(lease, &swap).await.unwrap();
    assert_eq!(head_of(&host, &cache()).await, head);
    assert!(other.renew(&next, LONG).await.unwrap(), "the repetition took nobody's lease");
    assert_eq!(read(&host).await, new);
}

pub(crate) async fn staging_of_another_size_is_lost(place: &impl Place) {
    let host = place.open();
    let head = refilled(&host, &[("FR", "1")]).await;
    let lease = go(&host).await;
    let claimed = map(&[("FR", "2"), ("LH", "2")]);
    let lease = refused!(host, lease, &swap_to(&claimed), StagingLost);
    stage(&host, &lease, &map(&[("FR", "2")])).await;
    let lease = refused!(host, lease, &swap_to(&claimed), StagingLost);
    stage(&host, &lease, &map(&[("LH", "2"), ("AF", "2")])).await;
    let _lease = refused!(host, lease, &swap_to(&claimed), StagingLost);
    assert_eq!(head_of(&host, &cache()).await, head);
    assert_eq!(read(&host).await, map(&[("FR", "1")]));
}

pub(crate) async fn a_key_staged_twice_is_refused_or_keeps_its_last_value(place: &impl Place) {
    let host = place.open();
    let lease = go(&host).await;
    let twice: Batch = [("FR", "1"), ("LH", "1"), ("FR", "2")].into_iter().collect();
    host.stage(&lease, &twice).await.unwrap();
    host.stage(&lease, &[("LH", "3")].into_iter().collect()).await.unwrap();
    let new = map(&[("FR", "2"), ("LH", "3")]);
    match host.commit(lease, &swap_to(&new)).await {
        Ok(_) => assert_eq!(read(&host).await, new),
        Err(NotCommitted { reason: CommitError::StagingLost, .. }) => {
            assert_eq!(status(&host).await.presence, Presence::Missing);
        }
        Err(other) => panic!("{other}"),
    }
}

pub(crate) async fn only_staged_keys_are_staged(place: &impl Place) {
    let host = place.open();
    refilled(&host, &[("FR", "1")]).await;
    let lease = go(&host).await;
    assert!(!host.is_staged(&lease, "FR").await.unwrap(), "published is not staged");
    stage(&host, &lease, &map(&[("LH", "1")])).await;
    assert!(host.is_staged(&lease, "LH").await.unwrap());
    assert!(!host.is_staged(&lease, "FR").await.unwrap());
    let new = map(&[("LH", "1")]);
    host.commit(lease, &swap_to(&new)).await.unwrap();
    let lease = go(&host).await;
    assert!(!host.is_staged(&lease, "LH").await.unwrap(), "published is not staged any more");
}

pub(crate) async fn keys_and_values_are_kept_byte_for_byte(place: &impl Place) {
    let host = place.open();
    let longest = "k".repeat(511);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let entries = [
        ("é", "\"ü\""),
        ("日本語", "[\"\\u65e5\", \"日\"]"),
        ("two\nlines\r\n", "{ \"a\" :\n1 }"),
        ("\0", "0.10"),
        (" ", "123456789012345678901234567890.0000"),
        ("*?[a]\\", "1E400"),
        ("{tag}:x", "null"),
        ("\u{10ffff}", "\"\\ud83e\\udd5d 🥝\""),
        (&longest, "true"),
        ("large", &large),
    ];
    let head = refilled(&host, &entries).await;
    assert_eq!((head.entries, head.bytes), (10, size(&map(&entries))));
    assert_eq!(read(&host).await, map(&entries));
    for (key, value) in entries {
        let got = host.get(&cache(), &[key]).await.unwrap().unwrap();
        assert_eq!(got[0].as_deref(), Some(value.as_bytes()), "{key:?}");
    }
    let changed = map(&[("é\n", "\"ü\" "), (&longest, "false")]);
    let lease = go(&host).await;
    let delta = delta_to(head.id, &map(&entries), &changed);
    host.commit(lease, &delta).await.unwrap();
    assert_eq!(read(&host).await, changed);
}

pub(crate) async fn a_lost_snapshot_is_restored_as_old_as_it_was(place: &impl Place) {
    let host = place.open();
    let data = map(&[("FR", "1"), ("LH", "2")]);
    let head = refill(&host, &cache(), &data, Ttl::For(LONG)).await;
    let lease = go(&host).await;
    stage(&host, &lease, &data).await;
    let moved = host.restore(&lease, &head).await;
    assert!(matches!(moved, Err(CommitError::Moved)), "nothing is lost: {moved:?}");
    host.release(lease).await.unwrap();

    assert!(host.forget(&cache()).await.unwrap());
    let lease = go(&host).await;
    let lost = host.restore(&lease, &head).await;
    assert!(matches!(lost, Err(CommitError::StagingLost)), "{lost:?}");
    stage(&host, &lease, &data).await;
    host.restore(&lease, &head).await.unwrap();
    assert_eq!(head_of(&host, &cache()).await, head);
    assert_eq!(read(&host).await, data);
    assert!(host.renew(&lease, LONG).await.unwrap(), "the failure of the load is still to be told");
}

pub(crate) async fn numbers_continue_where_the_store_has_lost_them(place: &impl Place) {
    let host = place.open();
    for (seq_after, expected) in [(0, 1), (7, 8), (3, 9)] {
        let data = map(&[("FR", &seq_after.to_string())]);
        let lease = go(&host).await;
        stage(&host, &lease, &data).await;
        host.commit(lease, &swap_to(&data).with_seq_after(seq_after)).await.unwrap();
        assert_eq!(head_of(&host, &cache()).await.seq, expected);
    }
}
