//! Many reads that find nothing at the same time wait for one attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use kiwi_cache::Refill;

use crate::place::{Directory, Place};
use crate::source::{Source, reader};
use crate::{SHORT, eventually, on_both_stores};

on_both_stores!(
    a_thousand_readers_cause_one_load,
    those_who_wait_together_share_the_failure,
    a_reader_that_gives_up_does_not_end_the_load_of_the_others,
    a_failure_that_nobody_waited_for_is_not_shared,
);

async fn a_thousand_readers_cause_one_load(place: impl Place) {
    let source = Source::new(&place, 0);
    let airlines = reader(&place).refill_by(source.clone()).connect().await.unwrap();
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let airlines = airlines.clone();
            tokio::spawn(async move { airlines.get_or_refill("FR").await.unwrap().map(|value| *value) })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), Some(1));
    }
    assert_eq!((source.loads(), airlines.seq()), (1, Some(1)));
}

async fn those_who_wait_together_share_the_failure(place: impl Place) {
    let source = Source::closed(&place, 1);
    let airlines = reader(&place).refill_by(source.clone()).max_attempts(0).connect().await.unwrap();
    // All of them wait before the load may end: `join!` polls them first.
    let readers = join_all((0..50).map(|_| airlines.get_or_refill("FR")));
    let (outcomes, ()) = tokio::join!(readers, async { source.gate.add_permits(1) });
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(error.is_load_failed() && error.to_string() == "cache `airlines`: load 0 failed", "{error}");
    }
    assert_eq!(source.loads(), 1);

    source.gate.add_permits(1);
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 1);
    assert_eq!(source.loads(), 2);
}

async fn a_reader_that_gives_up_does_not_end_the_load_of_the_others(place: impl Place) {
    let source = Source::closed(&place, 0);
    let airlines = reader(&place).refill_by(source.clone()).connect().await.unwrap();
    assert!(tokio::time::timeout(SHORT, airlines.get_or_refill("FR")).await.is_err());
    eventually("the load is under way", async || source.loads() == 1).await;
    source.gate.add_permits(1);
    assert_eq!(*airlines.get_or_refill("FR").await.unwrap().unwrap(), 1);
    assert_eq!(source.loads(), 1);
}

async fn a_failure_that_nobody_waited_for_is_not_shared(place: impl Place) {
    let source = Source::closed(&place, 1);
    let airlines = reader(&place).refill_by(source.clone()).max_attempts(1).connect().await.unwrap();
    assert!(tokio::time::timeout(SHORT, airlines.get_or_refill("FR")).await.is_err());
    source.gate.add_permits(2);
    eventually("the load that nobody waits for has ended", async || source.gate.available_permits() == 1).await;
    // The attempt ends a moment after its load; a read that begins before its end shares the failure.
    eventually("a read makes an attempt of its own", async || airlines.get_or_refill("FR").await.is_ok()).await;
    assert_eq!(source.loads(), 2);
}

/// A source whose first load panics.
struct Panicking(AtomicUsize);

#[async_trait]
impl Refill for Panicking {
    async fn refill(&self) -> kiwi_store::Result<()> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("the first load panics"),
            load => Err(kiwi_store::Error::load_failed(format!("load {load} failed"))),
        }
    }
}

#[tokio::test]
async fn a_panic_is_reported_to_all_who_wait_and_the_next_read_makes_another_attempt() {
    let place = Directory::new();
    let builder = reader(&place).refill_by(Arc::new(Panicking(AtomicUsize::new(0)))).max_attempts(1);
    let airlines = builder.connect().await.unwrap();
    for outcome in join_all((0..10).map(|_| airlines.get_or_refill("FR"))).await {
        let error = outcome.unwrap_err();
        assert!(error.is_unavailable() && error.to_string().contains("panicked"), "{error}");
    }
    assert!(airlines.get_or_refill("FR").await.unwrap_err().is_load_failed());
}
