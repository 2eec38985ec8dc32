//! Who in this process has subscribed to which cache, and handing a hint to all of them.

use std::any::Any;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::Sender;

use crate::hints::{Hint, Subscription};

/// How many hints wait for a slow subscriber. It then gets one [`Hint::Unknown`] instead of those that were dropped,
/// so that a flood of hints takes no memory.
const MAX_WAITING: usize = 16;

/// The subscribers by topic.
#[derive(Debug)]
pub(crate) struct Topics<K> {
    senders: Mutex<HashMap<K, Sender<Hint>>>,
}

impl<K: Clone + Eq + Hash> Topics<K> {
    pub(crate) fn new() -> Self {
        Self { senders: Mutex::default() }
    }

    /// Subscribes to a topic. The subscription keeps `listener` alive.
    pub(crate) fn subscribe(&self, topic: K, listener: Arc<dyn Any + Send + Sync>) -> Subscription {
        let mut senders = self.senders();
        let sender = senders.entry(topic).or_insert_with(|| Sender::new(MAX_WAITING));
        Subscription::new(sender.subscribe(), listener)
    }

    /// Hands a hint to all who have subscribed to a topic. `false`: nobody has.
    pub(crate) fn announce(&self, topic: &K, hint: Hint) -> bool {
        self.senders().get(topic).is_some_and(|sender| sender.send(hint).is_ok())
    }

    /// The topics that somebody has subscribed to.
    pub(crate) fn subscribed(&self) -> Vec<K> {
        let mut senders = self.senders();
        senders.retain(|_, sender| sender.receiver_count() > 0);
        senders.keys().cloned().collect()
    }

    /// A poisoned lock is fine here: each change of the map is one step.
    fn senders(&self) -> MutexGuard<'_, HashMap<K, Sender<Hint>>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    #[tokio::test]
    async fn a_hint_reaches_all_subscribers_of_its_topic_and_a_flood_is_one_hint() {
        let topics = Topics::new();
        assert!(!topics.announce(&"airlines", Hint::Unknown), "nobody has subscribed");
        let [mut one, mut two, other] =
            ["airlines", "airlines", "rates"].map(|topic| topics.subscribe(topic, Arc::new(())));
        let hint = Hint::published(Id::random());
        assert!(topics.announce(&"airlines", hint.clone()));
        assert_eq!([one.next().await, two.next().await], [hint.clone(), hint.clone()]);

        (0..=MAX_WAITING).for_each(|_| assert!(topics.announce(&"airlines", hint.clone())));
        assert_eq!(one.next().await, Hint::Unknown, "some were dropped");
        let newest = Hint::published(Id::random());
        assert!(topics.announce(&"airlines", newest.clone()));
        assert_eq!((two.newest(), two.newest()), (Some(newest), None), "it stands for those before");

        drop(other);
        assert_eq!(topics.subscribed(), ["airlines"]);
    }
}
