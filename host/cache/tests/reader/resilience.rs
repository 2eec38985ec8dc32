//! What may happen around a reader: runtimes that end, code of the service that panics, polls that fail, and large maps
//! that are freed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use kiwi_cache::{Cache, Name, ReaderEvent, blocking};
use serde::{Deserialize, Deserializer};
use tokio::runtime::{Builder, Runtime};

use crate::place::{Directory, Place};
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually, on_both_stores};

const HOUR: Duration = Duration::from_secs(3600);

/// Defines a type of values that remember on which threads they were freed; each test has one of its own.
macro_rules! freed_values {
    ($value:ident, $freed_by:ident) => {
        static $freed_by: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());

        struct $value(u64);

        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u64::deserialize(deserializer).map(Self)
            }
        }

        impl Drop for $value {
            fn drop(&mut self) {
                $freed_by.lock().unwrap().push(std::thread::current().id());
            }
        }
    };
}

freed_values!(Async, ASYNC_FREED_BY);

// On one thread: whatever this test drops would be freed on the thread that also reads.
#[tokio::test]
async fn a_replaced_map_is_freed_on_no_thread_that_reads() {
    let freed_by = || ASYNC_FREED_BY.lock().unwrap().clone();
    let place = Directory::new();
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "1")]).await;
    let airlines: Cache<Async> =
        Cache::builder("airlines").store(place.url()).reload_ttl(HOUR).connect().await.unwrap();

    let (value, snapshot) = (airlines.get("FR").unwrap().unwrap(), airlines.snapshot().unwrap());
    for value in ["2", "3"] {
        publisher.publish(&[("FR", value)]).await;
        airlines.reload().await.unwrap();
    }
    eventually("the map that nobody holds is freed", async || freed_by().len() == 1).await;
    assert_eq!((value.0, snapshot["FR"].0), (1, 1), "what the service holds stays");
    drop(value);
    drop(snapshot);
    eventually("the other one is freed", async || freed_by().len() == 2).await;
    let here = std::thread::current().id();
    assert!(freed_by().iter().all(|thread| *thread != here), "{:?}: {here:?}", freed_by());
    assert_eq!(airlines.get("FR").unwrap().unwrap().0, 3);
}

freed_values!(Blocking, BLOCKING_FREED_BY);

#[test]
fn a_map_that_a_blocking_reader_has_replaced_is_freed_on_no_thread_that_reads() {
    let freed_by = || BLOCKING_FREED_BY.lock().unwrap().clone();
    let (place, runtime) = (Directory::new(), runtime());
    let publisher = Publisher::new(&place);
    runtime.block_on(publisher.publish(&[("FR", "1")]));
    let airlines =
        blocking::Cache::<Blocking>::builder("airlines").store(place.url()).reload_ttl(HOUR).connect().unwrap();
    let value = airlines.get("FR").unwrap().unwrap();
    runtime.block_on(publisher.publish(&[("FR", "2")]));
    airlines.reload().unwrap();
    assert_eq!((value.0, freed_by().len()), (1, 0));
    drop(value);
    runtime.block_on(eventually("it is freed", async || freed_by().len() == 1));
    assert_ne!(freed_by()[0], std::thread::current().id());
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A reader whose runtime has ended.
fn orphan(place: &impl Place) -> Cache<u64> {
    let runtime = runtime();
    let builder = Cache::builder("airlines").store(place.url()).reload_ttl(SHORT);
    let airlines = runtime.block_on(builder.connect()).unwrap();
    drop(runtime);
    airlines
}

fn a_reader_outlives_its_runtime(place: &impl Place) {
    let others = runtime();
    let publisher = Publisher::new(place);
    others.block_on(publisher.publish(&[("FR", "1")]));

    let airlines = orphan(place);
    let error = airlines.last_error().expect("nothing polls any more");
    assert!(error.is_unavailable() && error.cache() == Some(airlines.name()), "{error}");
    assert!(error.to_string().contains("the runtime that polled the store has shut down"), "{error}");
    let head = others.block_on(publisher.publish(&[("FR", "2")]));
    assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1, "there is no runtime here in which it could be loaded");
    others.block_on(async {
        assert_eq!(*airlines.get("FR").unwrap().unwrap(), 1, "a read does not wait");
        eventually("it is loaded", async || airlines.seq() == Some(head.seq)).await;
        eventually("nothing is wrong any more", async || airlines.last_error().is_none()).await;
        let head = publisher.publish(&[("FR", "3")]).await;
        eventually("it polls as before", async || airlines.seq() == Some(head.seq)).await;
    });

    // A reload starts the task as well, and so does a runtime after that one.
    let airlines = orphan(place);
    let reloading = runtime();
    reloading.block_on(airlines.reload()).unwrap();
    assert!(airlines.last_error().is_none());
    drop(reloading);
    assert!(airlines.last_error().unwrap().to_string().contains("shut down"));
    let head = others.block_on(publisher.publish(&[("FR", "4")]));
    others.block_on(eventually("it is loaded", async || airlines.seq() == Some(head.seq)));
}

#[test]
fn a_reader_of_redis_outlives_its_runtime() {
    a_reader_outlives_its_runtime(&RedisServer::start());
}

#[test]
fn a_reader_of_the_embedded_store_outlives_its_runtime() {
    a_reader_outlives_its_runtime(&Directory::new());
}

/// Those who wait for a change, or for fresh data, while the runtime of the reader ends: they do not read meanwhile.
fn whoever_waits_elsewhere_starts_the_polling_again(place: &impl Place) {
    let (first, second, others) = (runtime(), runtime(), runtime());
    let publisher = Publisher::new(place);
    let hourly = || Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(HOUR).start_missing();
    let airlines = first.block_on(hourly().connect()).unwrap();
    others.block_on(async {
        let (fresh, head) = tokio::join!(airlines.wait_until_fresh(LONG), async {
            end(first).await;
            publisher.publish(&[("FR", "1"), ("U2", "1")]).await
        });
        fresh.unwrap();
        assert_eq!(airlines.id(), Some(head.id));
    });

    let airlines = second.block_on(hourly().connect()).unwrap();
    others.block_on(async {
        let (mut newest, mut each) = (airlines.changes(), airlines.changes());
        let both = async { tokio::join!(newest.changed(), each.next()) };
        let (both, head) = tokio::join!(tokio::time::timeout(LONG, both), async {
            end(second).await;
            publisher.change(&[("FR", "2")]).await
        });
        let (snapshot, changed) = both.expect("the commit is seen");
        let (snapshot, changed) = (snapshot.unwrap(), changed.unwrap());
        assert_eq!((snapshot.id(), snapshot["FR"], changed.id), (head.id, 2, head.id));
        drop((snapshot, airlines));
        assert!(newest.changed().await.is_none() && each.next().await.is_none(), "they do not keep the cache");
    });
}

/// Ends a runtime, for which this task must not wait.
async fn end(runtime: Runtime) {
    tokio::task::spawn_blocking(move || drop(runtime)).await.unwrap();
}

#[test]
fn whoever_waits_elsewhere_starts_the_polling_of_redis_again() {
    whoever_waits_elsewhere_starts_the_polling_again(&RedisServer::start());
}

#[test]
fn whoever_waits_elsewhere_starts_the_polling_of_the_embedded_store_again() {
    whoever_waits_elsewhere_starts_the_polling_again(&Directory::new());
}

#[tokio::test]
async fn a_failed_poll_is_tried_again_soon_however_rarely_the_reader_polls() {
    let mut redis = RedisServer::start();
    Publisher::new(&redis).publish(&[("FR", "1")]).await;
    // Without hints, which would bring the new snapshot anyway.
    let builder = Cache::<u64>::builder("airlines").store(redis.url()).reload_ttl(HOUR).poll_only();
    let airlines = builder.connect().await.unwrap();
    redis.kill();
    assert!(airlines.reload().await.unwrap_err().is_unavailable());
    redis.restart();
    assert!(redis.is_ready());
    let head = Publisher::new(&redis).publish(&[("FR", "2")]).await;
    eventually("the next poll finds it", async || airlines.id() == Some(head.id)).await;
    assert!(airlines.last_error().is_none());
}

/// A value whose reading panics where it is `0`.
struct NotZero(u64);

impl<'de> Deserialize<'de> for NotZero {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert!(number != 0, "this reader panics at zero");
        Ok(Self(number))
    }
}

on_both_stores!(panics_of_the_service_are_failures_of_polls);

async fn panics_of_the_service_are_failures_of_polls(place: impl Place) {
    let publisher = Publisher::new(&place);
    publisher.publish(&[("FR", "0")]).await;
    let reports = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reports);
    let panicking = move |_: &Name, _: &ReaderEvent| {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("these metrics always panic");
    };
    let builder = || Cache::<NotZero>::builder("airlines").store(place.url()).reload_ttl(SHORT);
    assert!(builder().connect().await.unwrap_err().to_string().contains("panicked"));
    let airlines = builder().start_missing().metrics(panicking).connect().await.unwrap();
    let blocking = blocking::Cache::<NotZero>::builder("airlines").store(place.url()).reload_ttl(SHORT).start_missing();
    let blocking = blocking.connect().unwrap();
    for error in [airlines.reload().await.unwrap_err(), blocking.reload().unwrap_err(), airlines.last_error().unwrap()]
    {
        assert!(error.is_unavailable() && error.to_string().contains("panicked"), "{error}");
    }
    let so_far = reports.load(Ordering::Relaxed);
    eventually("polling goes on", async || reports.load(Ordering::Relaxed) > so_far + 4).await;
    let head = publisher.publish(&[("FR", "2")]).await;
    eventually("it is loaded", async || [airlines.id(), blocking.id()] == [Some(head.id); 2]).await;
    assert_eq!((airlines.get("FR").unwrap().unwrap().0, blocking.get("FR").unwrap().unwrap().0), (2, 2));
}
