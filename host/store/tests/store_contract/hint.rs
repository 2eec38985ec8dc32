//! Hints that another snapshot is published.

use std::collections::BTreeSet;

use kiwi_store::{Content, Hint, Subscription};

use super::*;

/// Waits until this snapshot is announced, and returns which others were before.
async fn until_announced(subscription: &mut Subscription, id: Id) -> BTreeSet<String> {
    let mut others = BTreeSet::new();
    let announced = async {
        loop {
            match subscription.next().await {
                Hint::Published(announced) if announced.id() == id => break,
                Hint::Published(other) => drop(others.insert(other.id().to_string())),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), announced).await.expect("it is announced");
    others
}

/// Subscribes, and waits until the store listens: no hint of what is published before comes after that.
async fn subscribe(store: &Arc<dyn Store>, cache: &Name) -> Subscription {
    let mut subscription = store.subscribe(cache).await.unwrap();
    let listening = tokio::time::timeout(Duration::from_secs(30), subscription.next());
    listening.await.expect("one hint comes when the store listens, because some may have been lost before");
    subscription
}

pub(crate) async fn a_commit_is_announced_to_all_who_subscribed(place: &impl Place) {
    let (host, store, other) = (place.open(), place.open(), place.open());
    let before = refilled(&host, &[("FR", "1")]).await;
    let mut first = subscribe(&store, &cache()).await;
    let mut subscriptions = [store.subscribe(&cache()).await.unwrap(), other.subscribe(&cache()).await.unwrap()];
    let swap = refilled(&host, &[("FR", "2")]).await;
    let (lease, _) = go_for(&host, &cache(), LONG).await;
    let delta = delta_to(swap.id, &map(&[("FR", "2")]), &map(&[("FR", "3")]));
    host.commit(lease, &delta).await.unwrap();
    let last = head_of(&host, &cache()).await;
    for subscription in std::iter::once(&mut first).chain(&mut subscriptions) {
        let others = until_announced(subscription, last.id).await;
        let known = [before.id, swap.id].map(|id| id.to_string());
        assert!(others.iter().all(|other| known.contains(other)), "{others:?}");
    }
}

pub(crate) async fn a_subscription_outlives_its_store(place: &impl Place) {
    let host = place.open();
    refilled(&host, &[("FR", "1")]).await;
    let store = place.open();
    let mut subscription = subscribe(&store, &cache()).await;
    drop(store);
    let head = refilled(&host, &[("FR", "2")]).await;
    until_announced(&mut subscription, head.id).await;
}

pub(crate) async fn whoever_asks_how_many_listen_is_one_of_them(place: &impl Place) {
    let store = place.open();
    assert_eq!(store.subscribers(&cache()).await.unwrap(), 1);
    refilled(&store, &[("FR", "1")]).await;
    let _subscription = subscribe(&store, &cache()).await;
    assert_eq!(store.subscribers(&cache()).await.unwrap(), 1);
}

pub(crate) async fn what_publishes_nothing_new_is_not_announced(place: &impl Place) {
    let (host, store) = (place.open(), place.open());
    let head = refilled(&host, &[("FR", "1")]).await;
    refill(&host, &name("rates"), &map(&[("EUR", "1")]), Ttl::For(LONG)).await;
    let mut subscription = subscribe(&store, &cache()).await;
    let touch = publish(Ttl::For(LONG), Content::Touch { base: head.id });
    host.commit(go(&host).await, &touch).await.unwrap();
    stage(&host, &go(&host).await, &map(&[("FR", "2")])).await;
    refill(&host, &name("rates"), &map(&[("EUR", "2")]), Ttl::For(LONG)).await;
    assert!(tokio::time::timeout(4 * SHORT, subscription.next()).await.is_err());
}

pub(crate) async fn a_cache_that_is_published_for_the_first_time_is_announced(place: &impl Place) {
    let (host, store) = (place.open(), place.open());
    let mut subscription = store.subscribe(&cache()).await.unwrap();
    let head = refilled(&host, &[("FR", "1")]).await;
    // A store that begins to listen only now does not know what it has missed.
    let hint = tokio::time::timeout(Duration::from_secs(30), subscription.next()).await.expect("it is announced");
    assert!(matches!(hint, Hint::Unknown) || hint == Hint::published(head.id), "{hint:?}");
}
