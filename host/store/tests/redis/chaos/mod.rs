//! Everything at once: writers that race, pause and die, others that repack and bring the hash along, a server that loses
//! keys and gets old ones back, and readers that compare what they read with the exact map of the id it claims to be.
//!
//! `KIWI_CHAOS_SECONDS` makes it longer. The counts are printed:
//!
//! ```text
//! KIWI_CHAOS_SECONDS=60 cargo test --workspace --test redis -- chaos --nocapture
//! ```
//!
//! # Controls
//!
//! Each of these before the same command takes away something that keeps maps right, and the run must fail. A test does the
//! same, up to the first that is wrong: [`controls`] says what each of them means.
//!
//! ```text
//! KIWI_CHAOS_READER="by number"
//! KIWI_MUTATE_SCRIPTS="(current.view or '') ~= args.from=>false"
//! KIWI_MUTATE_SCRIPTS="call('HGET', meta, 'showing') ~= args.to=>false"
//! KIWI_MUTATE_SCRIPTS="call('HLEN', staging) == tonumber(args.entries)=>true"
//! ```

mod by_number;
mod controls;
mod counts;
mod destroyer;
mod harm;
mod readers;
mod record;
mod snapshot;
mod writers;

use std::sync::Arc;

use record::Record;

use super::*;

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "the counts are for whoever runs it by hand")]
async fn no_reader_ever_sees_a_map_that_was_not_published() {
    let server = RedisServer::start();
    let cache = name("chaos");
    let record = Arc::new(Record::new());
    let mut parties = tokio::task::JoinSet::new();
    for _ in 0..3 {
        parties.spawn(writers::write(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    for _ in 0..2 {
        parties.spawn(writers::follow_up(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    for _ in 0..4 {
        parties.spawn(readers::read(open(&server.url()), cache.clone(), Arc::clone(&record)));
    }
    let others: [fn(&str, &Record); 3] = [destroyer::destroy, readers::read_views, readers::read_views];
    let is_control = std::env::var("KIWI_CHAOS_READER").is_ok_and(|reader| reader == "by number");
    let control: Option<fn(&str, &Record)> = is_control.then_some(by_number::read);
    for party in others.into_iter().chain(control) {
        let (url, record) = (server.url(), Arc::clone(&record));
        parties.spawn_blocking(move || party(&url, &record));
    }
    while let Some(party) = parties.join_next().await {
        party.expect("no party panics");
    }
    let wrong = record.wrong();
    println!("chaos for {:.0?}: {}; {} wrong", record.started.elapsed(), record.counts, wrong.len());
    let some: Vec<&String> = wrong.iter().step_by(wrong.len().div_ceil(3).max(1)).collect();
    assert!(wrong.is_empty(), "{} wrong, such as {some:#?}", wrong.len());
    assert_eq!(record.counts.lacks(), [], "{}", record.counts);
}

/// What the destroyer does shows as data that is missing or damaged, and as nothing else.
fn may_be_damaged<T>(result: kiwi_store::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_missing() || error.is_value(), "{error}");
            None
        }
    }
}
