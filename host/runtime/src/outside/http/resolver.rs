//! Name resolution that refuses addresses by a cache's grants: a name must not lead to a private address.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::policy::Policy;

/// Resolves names as the system does, and returns only addresses that the policy allows.
pub(super) struct CheckedResolver {
    pub(super) policy: Arc<Policy>,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) scheme: String,
    pub(super) port: u16,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookups, scheme, port) =
            (self.policy.clone(), self.lookups.clone(), self.scheme.clone(), self.port);
        Box::pin(async move {
            let place = lookups.acquire_owned().await?;
            let host = name.as_str().to_owned();
            // In a task of its own: the thread stays busy even when nobody waits for it any more.
            let lookup = tokio::spawn(async move {
                let _place = place;
                tokio::net::lookup_host((host, port)).await.map(Iterator::collect)
            });
            let found: Vec<SocketAddr> = lookup.await??;
            let (allowed, refused): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|found| policy.allows_address(&scheme, found.ip(), port));
            if allowed.is_empty()
                && let Some(refused) = refused.first()
            {
                return Err(DeniedAddress { name: name.as_str().to_owned(), scheme, address: *refused }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "`{name}` resolves to {}, which is not an address of the public internet: if the plugin may go there, add \
     `http = [\"{scheme}://{address}\"]` to this cache's grants, beside the name's own",
    address.ip()
)]
pub(super) struct DeniedAddress {
    name: String,
    scheme: String,
    address: SocketAddr,
}

/// The address that was refused, if that is why a request failed.
pub(super) fn denied_address(error: &reqwest::Error) -> Option<&DeniedAddress> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref() {
            return Some(denied);
        }
        cause = error.source();
    }
    None
}
