//! Deltas, and the changes that readers replay.

use super::*;

const OLD: &[(&str, &str)] = &[("AF", "1"), ("FR", "1"), ("LH", "1")];
const NEW: &[(&str, &str)] = &[("BA", "2"), ("FR", "2"), ("LH", "1")];

pub(crate) async fn a_delta_sets_and_removes_and_names_a_new_snapshot(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let head = refilled(&host, OLD).await;
    let now = changed(&host, &head, &map(OLD), &map(NEW)).await;
    assert_eq!(read(&reader).await, map(NEW));
    assert_eq!(head_of(&reader, &cache()).await, now);
    assert!(now.id != head.id && now.root != head.root, "{now:?}");
    assert_eq!((now.seq, now.entries, now.bytes), (head.seq + 1, 3, 9));
    assert!(now.loaded_at >= head.loaded_at && now.checked_at == now.loaded_at, "{now:?}");

    let emptied = changed(&host, &now, &map(NEW), &Map::new()).await;
    assert_eq!((emptied.entries, read(&reader).await), (0, Map::new()));
    changed(&host, &emptied, &Map::new(), &map(OLD)).await;
    assert_eq!(read(&reader).await, map(OLD));
}

pub(crate) async fn a_delta_on_something_else_is_moved_and_changes_nothing(place: &impl Place) {
    let host = place.open();
    let stray = delta_to(Id::random(), &map(OLD), &map(NEW));
    let lease = go(&host).await;
    let lease = refused!(host, lease, &stray, Moved);
    assert_eq!(status(&host).await.presence, Presence::Missing);
    host.release(lease).await.unwrap();
    let head = refilled(&host, OLD).await;
    let lease = go(&host).await;
    let _lease = refused!(host, lease, &stray, Moved);
    assert_eq!(head_of(&host, &cache()).await, head);
    assert_eq!(read(&host).await, map(OLD));
    assert_eq!(deltas(&host, head.id).await, []);
}

pub(crate) async fn a_delta_that_came_through_is_done_when_repeated(place: &impl Place) {
    let host = place.open();
    let head = refilled(&host, OLD).await;
    let lease = go(&host).await;
    let delta = delta_to(head.id, &map(OLD), &map(NEW));
    let lease = losing_its_reply(&host, lease, &delta).await;
    let now = head_of(&host, &cache()).await;
    host.commit(lease, &delta).await.unwrap();
    assert_eq!(head_of(&host, &cache()).await, now);
    assert_eq!(read(&host).await, map(NEW));
    assert_eq!(deltas(&host, head.id).await.len(), 1);
}

pub(crate) async fn changes_replay_to_what_is_published(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let mut maps = vec![map(&[("0", "0"), ("stays", "1")])];
    let mut heads = vec![refill(&host, &cache(), &maps[0], Ttl::For(LONG)).await];
    for n in 1..10 {
        let new = map(&[(&n.to_string(), "é\n"), ("stays", "1"), ("moves", &n.to_string())]);
        heads.push(changed(&host, heads.last().unwrap(), maps.last().unwrap(), &new).await);
        maps.push(new);
    }
    for (head, old) in heads.iter().zip(&maps) {
        let changes = reader.changes(&cache(), head.id).await.unwrap().expect("all are kept");
        let leads_to: Vec<Id> = changes.deltas.iter().map(|(id, _)| *id).collect();
        let after = heads.iter().skip_while(|later| later.id != head.id).skip(1);
        assert_eq!(leads_to, after.map(|later| later.id).collect::<Vec<_>>());
        assert_eq!(&changes.head, heads.last().unwrap());
        let mut replayed = old.clone();
        for (_, Delta { set, removed }) in changes.deltas {
            removed.iter().for_each(|key| drop(replayed.remove(key)));
            replayed.extend(set.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        assert_eq!(&replayed, maps.last().unwrap());
    }

    // A touch is no change.
    let last = heads.last().unwrap();
    let lease = go(&host).await;
    let touch = publish(Ttl::For(LONG), Content::Touch { base: last.id });
    host.commit(lease, &touch).await.unwrap();
    assert_eq!(deltas(&reader, last.id).await, []);
    assert_eq!(deltas(&reader, heads[0].id).await.len(), 9);
}

pub(crate) async fn changes_from_an_unknown_snapshot_are_a_gap(place: &impl Place) {
    let host = place.open();
    assert_eq!(host.changes(&cache(), Id::random()).await.unwrap(), None, "nothing is published");
    let head = refilled(&host, OLD).await;
    changed(&host, &head, &map(OLD), &map(NEW)).await;
    assert_eq!(host.changes(&cache(), Id::random()).await.unwrap(), None);
}

pub(crate) async fn a_swap_is_a_gap_in_the_changes(place: &impl Place) {
    let host = place.open();
    let first = refilled(&host, OLD).await;
    let second = changed(&host, &first, &map(OLD), &map(NEW)).await;
    let third = refilled(&host, OLD).await;
    for before in [&first, &second] {
        assert_eq!(host.changes(&cache(), before.id).await.unwrap(), None);
    }
    let last = changed(&host, &third, &map(OLD), &map(NEW)).await;
    assert_eq!(deltas(&host, third.id).await.len(), 1);
    assert_eq!(host.changes(&cache(), second.id).await.unwrap(), None);
    assert_eq!(deltas(&host, last.id).await, []);
}

/// Either they are not all kept, or the commit says that a whole map is to be written.
pub(crate) async fn too_many_changes_are_a_gap(place: &impl Place) {
    let host = place.open();
    let large = |digit: usize| {
        map(&[("FR", &(0..1 << 18).map(|n| format!("{:04x}", (n * n * digit) % 65_521)).collect::<String>())])
    };
    let mut old = large(0);
    let first = refill(&host, &cache(), &old, Ttl::For(LONG)).await;
    let mut last = first.clone();
    for n in 1..8 {
        let new = large(n);
        let lease = go(&host).await;
        match host.commit(lease, &delta_to(last.id, &old, &new)).await {
            Ok(_) => last = head_of(&host, &cache()).await,
            Err(NotCommitted { reason: CommitError::LogFull, lease }) => {
                assert_eq!(head_of(&host, &cache()).await, last);
                stage(&host, &lease, &new).await;
                host.commit(lease, &swap_to(&new)).await.unwrap();
                assert!(read(&host).await == new);
                assert_eq!(host.changes(&cache(), last.id).await.unwrap(), None);
                return;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(read(&host).await == new);
        old = new;
    }
    assert_eq!(host.changes(&cache(), first.id).await.unwrap(), None, "7 MiB are not all kept");
}

/// What leads to what is published, all of which must be kept.
async fn deltas(store: &Arc<dyn Store>, from: Id) -> Vec<(Id, Delta)> {
    store.changes(&cache(), from).await.unwrap().expect("all changes are kept").deltas
}

/// One refill by delta that must come through.
async fn changed(store: &Arc<dyn Store>, head: &Head, old: &Map, new: &Map) -> Head {
    let lease = go(store).await;
    let delta = delta_to(head.id, old, new);
    store.commit(lease, &delta).await.unwrap();
    head_of(store, &cache()).await
}
