//! What follows a publication and needs no lease: the plain hash shows it, and deltas that have become long are packed into
//! a whole map again. If the host is killed before it is done, another one does it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::context::Context;
use crate::events::event::CacheEvent;

/// How long nothing is tried again after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// What is to follow a publication.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FollowUp {
    /// The hash does not show it yet.
    pub(crate) hash: bool,
    /// Its deltas have become long.
    pub(crate) pack: bool,
}

/// Brings what clients read up to what is published.
pub(crate) async fn follow_up(context: Context<'_>, what: FollowUp) -> bool {
    let (store, name) = (context.store, context.cache.name());
    let _following = Following::begin(&context.standing().is_following);
    let follow = async {
        if what.hash {
            store.update_hash(name).await?;
        }
        if what.pack {
            store.repack(name).await?;
        }
        Ok(())
    };
    let followed = context.events.store_call(follow.await);
    if let Err(error) = &followed {
        context.events.emit(CacheEvent::FollowUpFailed { error });
    }
    followed.is_ok()
}

/// Brings the hash up to it whenever a look finds that nobody did, as long as this is polled.
pub(crate) async fn keep_following(context: Context<'_>, behind: &Notify) -> Infallible {
    loop {
        behind.notified().await;
        if !follow_up(context, FollowUp { hash: true, pack: false }).await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Notes that this host is at it, until this is dropped.
struct Following<'a>(&'a AtomicBool);

impl<'a> Following<'a> {
    fn begin(is_following: &'a AtomicBool) -> Self {
        is_following.store(true, Ordering::Relaxed);
        Self(is_following)
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
