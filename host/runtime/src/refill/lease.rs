//! The lease while a load runs: kept, and released where nothing came of it.

use std::time::Duration;

use kiwi_store::Lease;
use tokio::time::Instant;

use super::context::Context;
use crate::events::event::CacheEvent;
use crate::failure::Failure;

/// A lease is renewed after a third of its time, and at least this often: what is staged lives for two
/// minutes, and renewing the lease renews that as well.
const MAX_RENEWAL_INTERVAL: Duration = Duration::from_secs(30);

/// Renews the lease while the loader runs. Ends only when the lease is lost, with the failure that this is.
pub(super) async fn keep_lease(context: Context<'_>, lease: &Lease) -> Failure {
    let lease_ttl = context.definition().timing.lease_ttl;
    let mut confirmed = Instant::now();
    loop {
        tokio::time::sleep((lease_ttl / 3).min(MAX_RENEWAL_INTERVAL)).await;
        match context.events.store_call(context.store.renew(lease, lease_ttl).await) {
            Ok(true) => confirmed = Instant::now(),
            Ok(false) => return context.lease_lost("another host may have taken it"),
            Err(error) if confirmed.elapsed() > lease_ttl => return Failure::store(&error),
            Err(error) => context.events.emit(CacheEvent::RenewalFailed { error: &error }),
        }
    }
}

/// Releases a lease with nothing done.
pub(super) async fn release(context: Context<'_>, lease: Lease) {
    if let Err(error) = context.events.store_call(context.store.release(lease).await) {
        let lease_ttl = context.definition().timing.lease_ttl;
        context.events.emit(CacheEvent::ReleaseFailed { error: &error, lease_ttl });
    }
}
