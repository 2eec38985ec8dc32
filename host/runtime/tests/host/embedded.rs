//! A service that embeds the host, and reads what it keeps warm.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kiwi_cache::{Cache, State};
use kiwi_host::{CacheConfig, LoadError, Loader, Outcome, Output};
use kiwi_store::{Error, Layout};
use serde_json::value::RawValue;

use crate::redis_server::RedisServer;
use crate::support::{Running, Setup, eventually, every, name};

/// A source that counts how often it is asked, and takes its time.
#[derive(Clone, Default)]
struct Source {
    asked: Arc<AtomicUsize>,
    fails: Option<fn() -> LoadError>,
}

impl Source {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Loaded so seldom that only a loss or a reader can be why it is loaded again.
    fn cache(&self) -> CacheConfig {
        CacheConfig { timing: every(Duration::from_secs(3600)), ..CacheConfig::native(name("airlines"), self.clone()) }
    }
}

impl Loader for Source {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        let load = self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        match self.fails {
            Some(error) => Err(error()),
            None => out.emit("FR", &("Ryanair", load)).await,
        }
    }
}

type Airline = (String, usize);

/// Why a read found nothing: what the reader says, and what the source has said.
fn load_failure(error: &Error) -> String {
    assert!(error.is_missing(), "{error}");
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>()).expect("the failure is the cause");
    assert!(cause.is_load_failed(), "{cause}");
    cause.to_string()
}

#[tokio::test]
async fn a_reader_that_finds_nothing_has_the_host_load_once() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let source = Source::default();
    let host = setup.host([source.cache()]).await;
    // Two readers of one program, and the host's own schedule: all want the same at the same time.
    let readers: [Cache<Airline>; 2] = [host.cache("airlines").await.unwrap(), host.cache("airlines").await.unwrap()];
    assert!(readers[0].get("FR").unwrap_err().is_missing());
    let running = Running::start(&host);
    let reads = (0..1_000).map(|n| readers[n % 2].get_or_refill("FR"));
    for read in join_all(reads).await {
        assert_eq!(*read.unwrap().expect("it is there"), ("Ryanair".to_owned(), 0));
    }
    assert_eq!(source.asked(), 1);
    assert_eq!((readers[0].seq(), readers[0].state()), (Some(1), State::Fresh));
    running.stop().await;
}

#[tokio::test]
async fn what_another_host_has_published_is_read_and_not_loaded() {
    let redis = RedisServer::start();
    let (setup, beside) = (Setup::on(&redis), Setup::on(&redis));
    assert!(matches!(beside.refill(Source::default().cache()).await, Outcome::Published { .. }));
    let source = Source::default();
    let host = setup.host([source.cache()]).await;
    let airlines: Cache<Airline> = host.cache("airlines").await.unwrap();
    assert!(airlines.get_or_refill("FR").await.unwrap().is_some());
    assert_eq!(source.asked(), 0);
}

#[tokio::test]
async fn a_source_that_fails_is_left_alone_by_readers_too() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let away = || LoadError::unavailable("the database is away").retry_after(Duration::from_secs(3600));
    let source = Source { fails: Some(away), ..Source::default() };
    let host = setup.host([source.cache()]).await;
    let airlines: Cache<Airline> = host.cache("airlines").await.unwrap();
    let first = load_failure(&airlines.get_or_refill("FR").await.unwrap_err());
    assert!(first.contains("unavailable: the database is away"), "{first}");
    let second = load_failure(&airlines.get_or_refill("FR").await.unwrap_err());
    assert!(second.contains("backing off") && second.contains("the database is away"), "{second}");
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn a_source_that_denies_access_is_not_asked_by_every_reader() {
    let setup = Setup::new();
    let source = Source { fails: Some(|| LoadError::denied("the password is wrong")), ..Source::default() };
    let host = setup.host([source.cache()]).await;
    let airlines: Cache<Airline> = host.cache("airlines").await.unwrap();
    let first = load_failure(&airlines.get_or_refill("FR").await.unwrap_err());
    assert!(first.contains("denied: the password is wrong"), "{first}");
    let second = load_failure(&airlines.get_or_refill("FR").await.unwrap_err());
    assert!(second.contains("backing off") && second.contains("the password is wrong"), "{second}");
    assert_eq!(source.asked(), 1);
    // A second later it may be another answer.
    eventually("it is asked again", async || airlines.get_or_refill("FR").await.is_err() && source.asked() > 1).await;
}

#[tokio::test]
async fn readers_are_set_up_as_any_other() {
    let setup = Setup::new();
    let source = Source { fails: Some(|| LoadError::other("row 7 is odd")), ..Source::default() };
    let host = setup.host([source.cache()]).await;
    let reader = host.reader::<Airline>("airlines").unwrap().max_attempts(1);
    let airlines = reader.connect().await.unwrap();
    let error = airlines.get_or_refill("FR").await.unwrap_err();
    assert!(error.is_load_failed() && error.to_string().contains("row 7 is odd"), "{error}");

    let error = host.cache::<Airline>("unknown").await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("expected one of [airlines]"), "{error}");
    assert!(host.refill("unknown").await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_reader_serves_on_while_its_host_loads_what_was_flushed() {
    let redis = RedisServer::start();
    let setup = Setup::on(&redis);
    let source = Source::default();
    let host = setup.host([source.cache()]).await;
    let reader = host.reader::<Airline>("airlines").unwrap().reload_ttl(Duration::from_millis(100));
    let airlines = reader.connect().await.unwrap();
    let running = Running::start(&host);
    assert_eq!(airlines.get_or_refill("FR").await.unwrap().expect("it is there").1, 0);
    let before = airlines.seq();
    redis.command::<()>(&["FLUSHALL"]).unwrap();
    eventually("a newer one is read", async || {
        let airline = airlines.get_or_refill("FR").await.expect("it serves on").expect("it is there");
        airline.1 == 1
    })
    .await;
    assert!(airlines.seq() > before && source.asked() == 2, "{:?} after {before:?}", airlines.seq());
    running.stop().await;
}

/// A source that a test switches off.
#[derive(Clone, Default)]
struct Switched(Arc<AtomicBool>);

impl Loader for Switched {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        out.emit_json("digits", "1.10").await?;
        if self.0.load(Ordering::SeqCst) {
            return Err(LoadError::unavailable("it is switched off"));
        }
        for number in 0..1_000 {
            out.emit(&number.to_string(), &number).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_the_store_has_lost_is_put_back_while_the_source_is_away() {
    let redis = RedisServer::start();
    let airlines = name("airlines");
    let key = || "Airlines:eu".parse().unwrap();
    for layout in [Layout::Hash, Layout::Record(key()), Layout::Both(key())] {
        redis.command::<()>(&["FLUSHALL"]).unwrap();
        let (setup, source) = (Setup::on(&redis), Switched::default());
        let config = CacheConfig { layout: layout.clone(), ..CacheConfig::native(airlines.clone(), source.clone()) };
        let host = setup.host([config.clone()]).await;
        assert!(host.refill("airlines").await.unwrap().failure().is_none());
        let before = setup.head(&airlines).await;
        let reader: Cache<Box<RawValue>> = host.cache("airlines").await.unwrap();

        // A host that nobody reads from in its own program has no copy.
        source.0.store(true, Ordering::SeqCst);
        redis.command::<()>(&["FLUSHALL"]).unwrap();
        assert!(setup.host([config]).await.refill("airlines").await.unwrap().failure().is_some());
        assert!(setup.is_missing(&airlines).await);

        assert!(host.refill("airlines").await.unwrap().failure().is_some(), "the source is still away");
        let after = setup.head(&airlines).await;
        assert_eq!((after.id, after.seq, after.entries, after.root), (before.id, before.seq, 1_001, before.root));
        assert_eq!(after.checked_at, before.checked_at, "it is as old as it is");
        let status = setup.status(&airlines).await;
        assert_eq!(status.last_error().expect("the failure is told").kind, "unavailable");
        assert_eq!(setup.text(&airlines, "digits").await, "1.10", "as it was written");
        if let Some(key) = layout.record_key() {
            let record: String = redis.command(&["GET", &key.resource()]).unwrap();
            assert!(record.contains("\"digits\": 1.10"), "{record}");
            assert!(!redis.command::<bool>(&["EXISTS", &key.lock()]).unwrap());
        }
        assert_eq!(reader.id(), Some(before.id));
        assert!(reader.reload().await.is_ok() && reader.id() == Some(before.id));

        source.0.store(false, Ordering::SeqCst);
        assert!(host.refill("airlines").await.unwrap().failure().is_none());
        assert!(setup.status(&airlines).await.last_error().is_none());
    }
}
