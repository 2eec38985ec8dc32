//! A server with what a refill finds there, and what readers see of it.

use kiwi_store::{HashState, LeaseState, Reading};

use super::host::{Host, Maps, Trouble};
use super::work::Work;
use super::*;

/// What the hash shows, and the hash. Not in a MULTI: a server whose memory is full refuses that.
const SHOWN: &str =
    "return {redis.call('HGET', 'kiwi:{airlines}:meta', 'view'), redis.call('HGETALL', 'kiwi:{airlines}')}";

pub(super) struct Scene {
    pub(super) server: RedisServer,
    /// Leads past the gate.
    store: Redis,
    cache: Name,
    maps: Maps,
    lost: Option<Head>,
    pub(super) work: Work,
    /// Where the gate strikes, for people.
    pub(super) at: String,
}

impl Scene {
    pub(super) fn of(work: Work) -> Self {
        let server = RedisServer::start();
        let store = open(&server.url());
        Self { server, store, cache: name("airlines"), maps: Maps::default(), lost: None, work, at: String::new() }
    }

    /// Brings everything to where it was before the refill.
    pub(super) async fn prepare(&mut self, at: String) {
        self.at = at;
        let _: () = self.server.command(&["FLUSHALL"]).unwrap();
        if let Some(before) = self.work.before() {
            let id = refill(&self.store, &self.cache, before).await;
            self.maps.add(id, before);
        }
        if self.work == Work::Restore {
            let id = refill(&self.store, &self.cache, self.work.after()).await;
            self.maps.add(id, self.work.after());
            self.lost = self.store.status(&self.cache).await.unwrap().presence.whole().cloned();
            let _: () = self.server.command(&["FLUSHALL"]).unwrap();
        }
    }

    pub(super) fn host<'a>(&'a self, store: &'a Redis, lease_ttl: Duration) -> Host<'a> {
        Host { store, cache: &self.cache, maps: &self.maps, lease_ttl, lost: self.lost.as_ref() }
    }

    /// The next refill of the same host, or one of another.
    pub(super) async fn refill(&self) -> Result<(), Trouble> {
        // What has failed or was given up is tried again, and finds that nothing has changed.
        let work =
            if matches!(self.work, Work::Fail | Work::Release | Work::Restore) { Work::Touch } else { self.work };
        self.host(&self.store, LEASE_TTL).refill(work).await
    }

    /// The same as soon as the lease is over.
    pub(super) async fn refill_when_free(&self) {
        let is_done = || async {
            match self.refill().await {
                Ok(()) => true,
                Err(Trouble::Busy) => false,
                Err(trouble) => panic!("{}: {trouble:?}", self.at),
            }
        };
        eventually("the lease is over", is_done).await;
    }

    /// What a reader sees is one of the maps that were to be published, as a whole, in the hash and in reads of some keys.
    /// Nothing stays for ever.
    pub(super) async fn look(&self) -> Option<&'static Map> {
        assert_eq!(immortal(&self.server), [""; 0], "{}", self.at);
        let (view, hash): (Option<String>, Map) = self.server.command(&["EVAL", SHOWN, "0"]).unwrap();
        if let Some(id) = view.and_then(|view| view.parse().ok()) {
            assert!(self.maps.of(id) == Some(&hash), "{}: the hash does not show {id}", self.at);
        }
        let (head, map) = match read_whole(&self.store, &self.cache).await {
            Ok(whole) => whole?,
            Err(error) => panic!("{}: {error}", self.at),
        };
        let map: Map = map.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let expected = self.maps.of(head.id);
        assert!(expected == Some(&map), "{}: not what {} was", self.at, head.id);
        let keys: Vec<&str> = map.keys().map(String::as_str).step_by(40).chain(["key 100001"]).collect();
        let values = self.store.get(&self.cache, &keys).await.unwrap().expect("it is still there");
        let fits = |map: &Map| {
            let value = |key: &str| map.get(key).map(String::as_bytes);
            keys.iter().zip(&values).all(|(key, read)| read.as_deref() == value(key))
        };
        assert!(self.maps.any(fits), "{}: no map has {values:?}", self.at);
        expected
    }

    /// Looks for ever.
    pub(super) async fn watch(&self) {
        loop {
            self.look().await;
            tokio::task::yield_now().await;
        }
    }

    /// Everything is as it was to be.
    pub(super) async fn is_done(&self) {
        assert!(self.look().await == Some(self.work.after()), "{}: another map", self.at);
        let status = self.store.status(&self.cache).await.unwrap();
        assert_eq!((status.hash, &status.lease), (HashState::Current, &LeaseState::Free), "{}", self.at);
        // A failure whose reply was lost is counted once.
        assert!(status.failing.iter().all(|failing| failing.times == 1), "{}: {status:?}", self.at);
    }
}
