//! What a reader reports to the metrics of its service.

use std::sync::{Arc, Mutex};

use kiwi_cache::{Attempts, Cache, ErrorKind, Loaded, Name, ReaderEvent, ReaderMetrics};

use crate::place::Place;
use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::source::{Source, reader};
use crate::{LONG, on_both_stores};

on_both_stores!(each_poll_is_reported, each_load_of_the_source_is_reported);

/// One word for an event, and kiwi-cache's word for it.
type Words = (&'static str, Option<&'static str>);

/// What was reported.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Words>>>);

impl Reports {
    fn take(&self) -> Vec<Words> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl ReaderMetrics for Reports {
    fn report(&self, cache: &Name, event: &ReaderEvent) {
        assert_eq!(cache.as_str(), "airlines");
        let word = match event {
            ReaderEvent::Reloaded { loaded: Loaded::Whole, entries, seq, .. } if *entries == 100 && *seq > 0 => "whole",
            ReaderEvent::Reloaded { loaded: Loaded::Deltas, entries: 100, .. } => "deltas",
            ReaderEvent::Reloaded { .. } => "reloaded",
            ReaderEvent::Unchanged { .. } => "unchanged",
            ReaderEvent::Failed { error, .. } if error.kind() == ErrorKind::Missing => "missing",
            ReaderEvent::Failed { .. } => "failed",
            ReaderEvent::Refilled { .. } => "refilled",
            ReaderEvent::RefillFailed { .. } => "refill failed",
            other => panic!("an event that this test does not know: {other:?}"),
        };
        self.0.lock().unwrap().push((word, event.kiwi_cache_status()));
    }
}

async fn each_poll_is_reported(place: impl Place) {
    let publisher = Publisher::new(&place);
    let reports = Reports::default();
    let builder = Cache::<u64>::builder("airlines").store(place.url()).reload_ttl(LONG).poll_only().start_missing();
    let airlines = builder.metrics(reports.clone()).connect().await.unwrap();
    assert_eq!(reports.take(), [("missing", None)]);

    let numbered: Vec<_> = (0..100).map(|n| (format!("key-{n}"), n.to_string())).collect();
    publisher.publish(&numbered).await;
    airlines.reload().await.unwrap();
    airlines.reload().await.unwrap();
    publisher.change(&[("key-1", "10")]).await;
    airlines.reload().await.unwrap();
    assert_eq!(reports.take(), [("whole", None), ("unchanged", None), ("deltas", None)]);

    publisher.publish(&[("key-1", "null")]).await;
    airlines.reload().await.unwrap_err();
    assert_eq!(reports.take(), [("failed", None)], "the store is not to blame for a value of another type");
}

async fn each_load_of_the_source_is_reported(place: impl Place) {
    let reports = Reports::default();
    let builder = reader(&place).refill_by(Source::new(&place, 1)).max_attempts(Attempts::FailAfter(2));
    let airlines = builder.metrics(reports.clone()).connect().await.unwrap();
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 1);
    let attempts = [("missing", None), ("refill failed", Some("load_error"))];
    let end = [("missing", None), ("refilled", Some("success")), ("reloaded", None)];
    assert_eq!(reports.take(), [&[("missing", None)], &attempts[..], &end[..]].concat());
}

#[tokio::test]
async fn a_store_that_is_away_is_a_redis_error_of_each_poll() {
    let mut redis = RedisServer::start();
    Publisher::new(&redis).publish(&[("FR", "1")]).await;
    let counted = Arc::new(Mutex::new(Vec::new()));
    let metrics = {
        let counted = Arc::clone(&counted);
        // A function is enough.
        move |_: &Name, event: &ReaderEvent| counted.lock().unwrap().extend(event.kiwi_cache_status())
    };
    let builder = Cache::<u64>::builder("airlines").store(redis.url()).reload_ttl(LONG).metrics(metrics);
    let airlines = builder.connect().await.unwrap();
    redis.kill();
    for _ in 0..3 {
        assert!(airlines.reload().await.unwrap_err().is_unavailable());
    }
    assert_eq!(*counted.lock().unwrap(), ["redis_error"; 3]);
}
