//! A host, as far as the store sees one: what it asks for in one refill, and what it does where that fails.

use std::collections::HashMap;
use std::sync::Mutex;

use kiwi_store::Publishing;

use super::work::Work;
use super::*;

/// All maps that were on their way to be published.
#[derive(Default)]
pub(super) struct Maps(Mutex<HashMap<Id, &'static Map>>);

impl Maps {
    pub(super) fn of(&self, id: Id) -> Option<&'static Map> {
        self.0.lock().unwrap().get(&id).copied()
    }

    pub(super) fn add(&self, id: Id, map: &'static Map) {
        self.0.lock().unwrap().insert(id, map);
    }

    pub(super) fn any(&self, fits: impl Fn(&Map) -> bool) -> bool {
        self.0.lock().unwrap().values().any(|map| fits(map))
    }
}

/// Why a refill has failed.
#[derive(Debug)]
#[expect(dead_code, reason = "the reason is for people")]
pub(super) enum Trouble {
    Store(Error),
    Refused(CommitError),
    /// Another host is at it.
    Busy,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<CommitError> for Trouble {
    fn from(reason: CommitError) -> Self {
        match reason {
            CommitError::Failed(error) => Self::Store(error),
            reason => Self::Refused(reason),
        }
    }
}

/// How often a commit is asked for where nothing is answered.
const COMMITS: usize = 5;

pub(super) struct Host<'a> {
    pub(super) store: &'a Redis,
    pub(super) cache: &'a Name,
    pub(super) maps: &'a Maps,
    pub(super) lease_ttl: Duration,
    /// What the store has lost, and the host still knows.
    pub(super) lost: Option<&'a Head>,
}

impl Host<'_> {
    /// One refill, and what follows a publication.
    pub(super) async fn refill(&self, work: Work) -> Result<(), Trouble> {
        let holder = Holder::anonymous();
        let begun = match self.begin(&holder).await {
            Err(error) if error.is_unavailable() => self.begin(&holder).await,
            begun => begun,
        };
        let Begin::Go { lease, base, .. } = begun? else { return Err(Trouble::Busy) };
        if let (Work::Restore, Some(lost)) = (work, self.lost) {
            let restored = self.restore(&lease, lost).await;
            self.fail(lease).await?;
            return restored;
        }
        let content = match self.load(&lease, base.as_ref(), work).await {
            Ok(Some(content)) => content,
            Ok(None) if work == Work::Release => return Ok(self.store.release(lease).await?),
            Ok(None) => return Ok(self.fail(lease).await?),
            Err(error) => {
                let _ = self.fail(lease).await;
                return Err(error.into());
            }
        };
        match self.commit(lease, base.as_ref(), &publish(content)).await {
            Ok(committed) => Ok(self.follow_up(committed, work).await?),
            Err(NotCommitted { lease, reason }) => {
                let _ = self.fail(lease).await;
                Err(reason.into())
            }
        }
    }

    async fn begin(&self, holder: &Holder) -> kiwi_store::Result<Begin> {
        self.store.begin(self.cache, holder.clone(), self.lease_ttl, Due::Always).await
    }

    /// Stages what the work needs, and gives what is to be committed. `None`: nothing.
    async fn load(&self, lease: &Lease, base: Option<&Head>, work: Work) -> kiwi_store::Result<Option<Content>> {
        let map = work.after();
        let (entries, bytes, root) = (map.len() as u64, batch(map).bytes() as u64, root(map));
        let known = base.and_then(|head| Some((head.id, self.maps.of(head.id)?)));
        if let (Work::Delta | Work::LargeDelta | Work::Repack, Some((base, from))) = (work, known)
            && from != map
        {
            self.store.renew(lease, self.lease_ttl).await?;
            let (id, delta) = (Id::random(), delta(from, map));
            self.maps.add(id, map);
            assert_eq!(delta.set.len() + delta.removed.len() > 1_000, work == Work::LargeDelta);
            return Ok(Some(Content::Delta { id, base, delta, entries, bytes, root }));
        }
        let all: Vec<(&str, &str)> = map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for half in all.chunks(all.len().div_ceil(2)) {
            self.store.stage(lease, &half.iter().copied().collect()).await?;
            if matches!(work, Work::Fail | Work::Release) {
                return Ok(None);
            }
            self.store.renew(lease, self.lease_ttl).await?;
        }
        Ok(Some(match known {
            Some((base, from)) if from == map => Content::Touch { base },
            _ => {
                self.store.seal(lease).await?;
                let id = Id::random();
                self.maps.add(id, map);
                Content::Swap { id, entries, bytes, root }
            }
        }))
    }

    async fn restore(&self, lease: &Lease, lost: &Head) -> Result<(), Trouble> {
        let map = self.maps.of(lost.id).expect("it was published");
        self.store.stage(lease, &batch(map)).await?;
        self.store.restore(lease, lost).await?;
        Ok(self.store.update_hash(self.cache).await?)
    }

    /// Asks for a commit until it is answered. Where the lease is not ours any more, nobody else may have taken it.
    async fn commit(&self, lease: Lease, base: Option<&Head>, publish: &Publish) -> Result<Committed, NotCommitted> {
        let NotCommitted { lease, reason } = match self.commit_until_answered(lease, publish).await {
            Err(NotCommitted { lease, reason: CommitError::Fenced }) => {
                NotCommitted { lease, reason: CommitError::Fenced }
            }
            answered => return answered,
        };
        let is_touch = matches!(publish.content, Content::Touch { .. });
        let seen = |head: &Head| (head.id, (!is_touch).then_some(head.checked_at));
        match self.begin(lease.holder()).await {
            Ok(Begin::Go { base: now, .. }) if now.as_ref().map(seen) == base.map(seen) => {
                self.commit_until_answered(lease, publish).await
            }
            Ok(_) => Err(NotCommitted { lease, reason }),
            Err(error) => Err(NotCommitted { lease, reason: error.into() }),
        }
    }

    async fn commit_until_answered(&self, mut lease: Lease, publish: &Publish) -> Result<Committed, NotCommitted> {
        for _ in 1..COMMITS {
            match self.store.commit(lease, publish).await {
                Err(NotCommitted { lease: back, reason: CommitError::Failed(error) }) if error.is_unavailable() => {
                    lease = back;
                }
                answered => return answered,
            }
        }
        self.store.commit(lease, publish).await
    }

    async fn follow_up(&self, committed: Committed, work: Work) -> kiwi_store::Result<()> {
        if committed.is_hash_behind {
            self.store.update_hash(self.cache).await?;
        }
        if committed.is_log_long || work == Work::Repack {
            self.store.repack(self.cache).await?;
        }
        self.store.prolong(self.cache, CACHE_TTL).await?;
        Ok(())
    }

    async fn fail(&self, lease: Lease) -> kiwi_store::Result<()> {
        self.store.fail(lease, Duration::ZERO, &failure(), CACHE_TTL).await?;
        self.store.prolong(self.cache, CACHE_TTL).await?;
        Ok(())
    }
}
