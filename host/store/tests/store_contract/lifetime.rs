//! How long a store keeps what was published.

use super::*;

pub(crate) async fn an_expired_snapshot_is_missing(place: &impl Place) {
    let (host, reader) = (place.open(), place.open());
    let head = refill(&host, &cache(), &map(&[("FR", "1")]), Ttl::For(SHORT * 50)).await;
    assert_eq!(read(&reader).await, map(&[("FR", "1")]));
    is_gone(&reader, &cache()).await;
    assert_eq!(reader.get(&cache(), &["FR"]).await.unwrap(), None);
    assert_eq!(reader.changes(&cache(), head.id).await.unwrap(), None);
    assert!(reader.whole(&cache()).await.unwrap().is_none());
    assert!(!host.prolong(&cache(), Ttl::For(LONG)).await.unwrap());

    let Begin::Go { lease, base: None, .. } = begin_after(&host, LONG).await else { panic!("a missing cache is due") };
    let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
    let lease = refused!(host, lease, &touch, Moved);
    let new = map(&[("LH", "2")]);
    stage(&host, &lease, &new).await;
    host.commit(lease, &swap_to(&new)).await.unwrap();
    assert_eq!(read(&reader).await, new);
}

pub(crate) async fn forever_outlives_every_prolongation(place: &impl Place) {
    let host = place.open();
    let head = refill(&host, &cache(), &map(&[("FR", "1")]), Ttl::Forever).await;
    assert_eq!(head.cache_ttl, Ttl::Forever);
    assert!(host.prolong(&cache(), Ttl::For(Duration::from_millis(1))).await.unwrap());
    short_is_over(&host).await;
    assert_eq!(head_of(&host, &cache()).await, head);
    assert_eq!(read(&host).await, map(&[("FR", "1")]));
}

pub(crate) async fn prolong_extends_the_life_and_nothing_else(place: &impl Place) {
    let host = place.open();
    let life = Ttl::For(SHORT * 50);
    let data = map(&[("FR", "1")]);
    for (prolonged, ttl) in [("a", Ttl::For(LONG)), ("b", Ttl::Forever)] {
        let head = refill(&host, &name(prolonged), &data, life).await;
        refill(&host, &name("control"), &data, life).await;
        assert!(host.prolong(&name(prolonged), ttl).await.unwrap());
        is_gone(&host, &name("control")).await;
        let now = status_of(&host, &name(prolonged)).await.presence;
        assert_eq!(now, Presence::Whole(head), "the data lives, and its age tells");
    }
}

pub(crate) async fn prolong_never_shortens(place: &impl Place) {
    let host = place.open();
    let head = refilled(&host, &[("FR", "1")]).await;
    assert!(host.prolong(&cache(), Ttl::For(SHORT)).await.unwrap());
    short_is_over(&host).await;
    assert_eq!(head_of(&host, &cache()).await, head);
}

pub(crate) async fn prolong_does_not_bring_back_what_expired(place: &impl Place) {
    let host = place.open();
    assert!(!host.prolong(&cache(), Ttl::For(LONG)).await.unwrap());
    refill(&host, &cache(), &map(&[("FR", "1")]), Ttl::For(SHORT * 50)).await;
    is_gone(&host, &cache()).await;
    assert!(!host.prolong(&cache(), Ttl::For(LONG)).await.unwrap(), "it is too late");
}

pub(crate) async fn a_touch_extends_the_life(place: &impl Place) {
    let host = place.open();
    let life = Ttl::For(SHORT * 50);
    let data = map(&[("FR", "1")]);
    let head = refill(&host, &cache(), &data, life).await;
    refill(&host, &name("control"), &data, life).await;
    let lease = go(&host).await;
    let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
    host.commit(lease, &touch).await.unwrap();
    is_gone(&host, &name("control")).await;
    assert_eq!(read(&host).await, data);
}

async fn is_gone(store: &Arc<dyn Store>, cache: &Name) {
    let missing = async || status_of(store, cache).await.presence == Presence::Missing;
    eventually("the snapshot has expired", missing).await;
}
