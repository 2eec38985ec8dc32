//! `get_or_refill`: how a reader that holds nothing gets a first snapshot.

use std::error::Error as _;
use std::time::{Duration, Instant, SystemTime};

use kiwi_cache::{Attempts, Builder, Cache, blocking};
use kiwi_store::{Begin, Due, Error, Holder, LastError, Ttl};

use crate::log::Log;
use crate::place::{Directory, Place};
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::source::{Source, reader};
use crate::{LONG, SHORT, eventually, on_both_stores};

on_both_stores!(
    a_copy_is_served_without_a_request,
    what_the_store_has_needs_no_source,
    a_host_that_listens_is_asked_and_what_it_publishes_is_served,
    an_ask_that_nobody_hears_does_no_harm,
    the_timeout_reports_what_was_tried_and_why_the_last_load_failed,
    max_attempts_means_what_it_means_in_kiwi_cache,
    a_load_may_fail_until_the_last_attempt,
    what_cannot_be_read_is_not_loaded_again,
);

fn blocking_reader(place: &impl Place) -> Builder<blocking::Cache<u64>> {
    blocking::Cache::builder("airlines").store(place.url()).reload_ttl(LONG).start_missing()
}

/// Begins a load and releases its lease: from then on the store knows the cache.
async fn begin(publisher: &Publisher) {
    let begun = publisher.store.begin(&publisher.cache, Holder::anonymous(), LONG, Due::Always).await.unwrap();
    let Begin::Go { lease, .. } = begun else { panic!("expected the lease, got {begun:?}") };
    publisher.store.release(lease).await.unwrap();
}

async fn a_copy_is_served_without_a_request(place: impl Place) {
    let source = Source::new(&place, 0);
    source.publisher.publish(&[("FR", "7")]).await;
    let airlines = reader(&place).refill_by(source.clone()).connect().await.unwrap();
    assert!(source.publisher.store.forget(&source.publisher.cache).await.unwrap());
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 7);
    assert!(airlines.get_or_refill("XX").await.unwrap().is_none());
    assert_eq!(source.loads(), 0);
}

async fn what_the_store_has_needs_no_source(place: impl Place) {
    let source = Source::new(&place, 0);
    let airlines = reader(&place).refill_by(source.clone()).connect().await.unwrap();
    source.publisher.publish(&[("FR", "7")]).await;
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 7);
    assert_eq!(source.loads(), 0);
}

async fn a_host_that_listens_is_asked_and_what_it_publishes_is_served(place: impl Place) {
    let publisher = Publisher::new(&place);
    begin(&publisher).await;
    let caches = ["others".parse().unwrap(), publisher.cache.clone()];
    let mut asks = publisher.store.asks(&caches).await.unwrap();
    let airlines = reader(&place).connect().await.unwrap();
    let host = async {
        assert_eq!(asks.next().await.as_ref(), Some(&publisher.cache));
        publisher.publish(&[("FR", "1")]).await;
    };
    let (found, ()) = tokio::join!(airlines.get_or_refill("FR"), host);
    assert_eq!(*found.unwrap().unwrap(), 1);
}

async fn an_ask_that_nobody_hears_does_no_harm(place: impl Place) {
    let publisher = Publisher::new(&place);
    // Nobody has ever begun with it; and it was there, and is forgotten.
    publisher.store.ask(&publisher.cache).await.unwrap();
    publisher.publish(&[("FR", "1")]).await;
    publisher.store.ask(&publisher.cache).await.unwrap();
    assert!(publisher.store.forget(&publisher.cache).await.unwrap());
    publisher.store.ask(&publisher.cache).await.unwrap();
    assert!(publisher.store.caches().await.unwrap().is_empty());
}

async fn the_timeout_reports_what_was_tried_and_why_the_last_load_failed(place: impl Place) {
    let publisher = Publisher::new(&place);
    let airlines = reader(&place).refill_timeout(Duration::from_millis(1_500)).connect().await.unwrap();
    let error = airlines.get_or_refill("FR").await.unwrap_err();
    assert!(error.is_missing(), "{error}");
    for part in ["`airlines`", "1.5s", "asked 2 times", publisher.store.location(), "kiwi-host run", "kiwi-host status"]
    {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }

    let begun = publisher.store.begin(&publisher.cache, Holder::anonymous(), LONG, Due::Always).await.unwrap();
    let Begin::Go { lease, .. } = begun else { panic!("expected the lease, got {begun:?}") };
    let failure = LastError::new(SystemTime::now(), "unavailable", "no route");
    publisher.store.fail(lease, LONG, &failure, Ttl::For(LONG)).await.unwrap();
    let impatient = reader(&place).refill_timeout(SHORT).connect().await.unwrap();
    let error = impatient.get_or_refill("FR").await.unwrap_err();
    assert!(
        error.is_missing() && error.to_string().ends_with("its last load failed (unavailable): no route"),
        "{error}"
    );
}

async fn max_attempts_means_what_it_means_in_kiwi_cache(place: impl Place) {
    for (number, loads_of_a_read) in [(-1, 1), (0, 1), (1, 1), (3, 3)] {
        let max_attempts = Attempts::from(number);
        let source = Source::new(&place, usize::MAX);
        let airlines = reader(&place).refill_by(source.clone()).max_attempts(max_attempts).connect().await.unwrap();
        for read in 1..=2 {
            let error = airlines.get_or_refill("FR").await.unwrap_err();
            assert_eq!(source.loads(), read * loads_of_a_read, "max_attempts {number}");
            assert_eq!(error.cache().unwrap().as_str(), "airlines");
            if max_attempts == Attempts::ReadAsMissing {
                let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>());
                assert!(error.is_missing() && cause.is_some_and(Error::is_load_failed), "{error:?}");
            } else {
                assert!(error.is_load_failed(), "{error}");
            }
        }
    }
}

async fn a_load_may_fail_until_the_last_attempt(place: impl Place) {
    let source = Source::new(&place, 2);
    let airlines =
        reader(&place).refill_by(source.clone()).max_attempts(Attempts::FailAfter(3)).connect().await.unwrap();
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 1);
    assert_eq!(source.loads(), 3);
}

async fn what_cannot_be_read_is_not_loaded_again(place: impl Place) {
    let source = Source::new(&place, 0);
    source.publisher.publish(&[("FR", "\"one\"")]).await;
    let airlines = reader(&place).refill_by(source.clone()).connect().await.unwrap();
    let error = airlines.get_or_refill("FR").await.unwrap_err();
    assert!(error.is_value() && error.to_string().contains("`FR`"), "{error}");
    assert_eq!(source.loads(), 0);
}

#[tokio::test]
async fn a_user_who_may_not_ask_waits_and_logs_it_once() {
    let log = Log::default();
    let _here = log.of_this_thread();
    let redis = RedisServer::start();
    redis
        .command::<()>(&["ACL", "SETUSER", "reader", "on", ">secret", "~kiwi:*", "&kiwi:*", "+@all", "-publish"])
        .unwrap();
    let url = format!("redis://reader:secret@127.0.0.1:{}", redis.port());
    let reader = |refill_timeout| {
        let builder = Cache::<u64>::builder("airlines").store(url.as_str()).reload_ttl(LONG).start_missing();
        builder.refill_timeout(refill_timeout).connect()
    };
    let impatient = reader(Duration::from_millis(1_500)).await.unwrap();
    let error = impatient.get_or_refill("FR").await.unwrap_err();
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>());
    assert!(error.is_missing() && cause.is_some_and(|cause| cause.to_string().contains("+publish")), "{error:?}");
    assert_eq!(log.lines_with("not permitted to ask a host"), 1);

    let patient = reader(LONG).await.unwrap();
    let host = async {
        eventually("it has tried to ask", async || log.lines_with("not permitted to ask a host") == 2).await;
        Publisher::new(&redis).publish(&[("FR", "1")]).await;
    };
    let (found, ()) = tokio::join!(patient.get_or_refill("FR"), host);
    assert_eq!(*found.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_failure_at_once() {
    let mut redis = RedisServer::start();
    redis.kill();
    let (bears, raises) =
        (reader(&redis).connect().await.unwrap(), reader(&redis).max_attempts(0).connect().await.unwrap());
    let began = Instant::now();
    let error = bears.get_or_refill("FR").await.unwrap_err();
    let cause = error.source().and_then(|cause| cause.downcast_ref::<Error>());
    assert!(error.is_missing() && cause.is_some_and(Error::is_unavailable), "{error:?}");
    assert!(raises.get_or_refill("FR").await.unwrap_err().is_unavailable());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn blocking_readers_share_one_load_and_its_failure_without_a_runtime() {
    let place = Directory::new();
    let source = Source::new(&place, 1);
    let airlines = blocking_reader(&place).refill_by(source.clone()).max_attempts(1).connect().unwrap();
    assert!(airlines.get_or_refill("FR").unwrap_err().is_load_failed());
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(*airlines.get_or_refill("FR").unwrap().unwrap(), 1));
        }
    });
    assert_eq!((source.loads(), airlines.seq()), (2, Some(1)));
    assert_eq!(*blocking::Cache::fixed([("FR", 1)]).get_or_refill("FR").unwrap().unwrap(), 1);
}

/// Reads while the runtime, of one thread or of many, is blocked by it.
fn read_inside_a_runtime() {
    let redis = RedisServer::start();
    let impatient = blocking_reader(&redis).refill_timeout(SHORT).connect().unwrap();
    assert!(impatient.get_or_refill("FR").unwrap_err().is_missing());
    let source = Source::new(&redis, 0);
    let airlines = blocking_reader(&redis).refill_by(source.clone()).connect().unwrap();
    assert_eq!(*airlines.get_or_refill("FR").unwrap().unwrap(), 1);
    assert_eq!(*impatient.get_or_refill("FR").unwrap().unwrap(), 1);
    assert_eq!(source.loads(), 1);
}

#[tokio::test]
async fn a_blocking_reader_works_inside_a_runtime_of_one_thread() {
    read_inside_a_runtime();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_reader_works_inside_a_runtime_of_many_threads() {
    read_inside_a_runtime();
}

#[test]
fn a_blocking_reader_can_be_dropped_while_another_thread_waits() {
    let place = Directory::new();
    let source = Source::closed(&place, 0);
    let airlines = blocking_reader(&place).refill_by(source.clone()).connect().unwrap();
    let waiting = std::thread::spawn({
        let airlines = airlines.clone();
        move || airlines.get_or_refill("FR").map(|value| value.map(|value| *value))
    });
    drop(airlines);
    source.gate.add_permits(1);
    assert_eq!(waiting.join().unwrap().unwrap(), Some(1));
}

#[tokio::test]
async fn a_refill_timeout_of_zero_is_refused() {
    let builder = Cache::<u64>::builder("airlines").store("redis://127.0.0.1:1").refill_timeout(Duration::ZERO);
    assert!(builder.connect().await.unwrap_err().is_invalid());
}
