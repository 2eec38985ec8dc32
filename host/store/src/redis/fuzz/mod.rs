//! Fuzzing: whatever a server replies, a read gives a result or an error.

mod peer;
mod reply;

use crate::testing::read_whole;
use crate::{Id, Layout, Name, Result, Store};
use peer::Peer;

/// The first byte chooses the layout, the rest is what the server replies to a read of each kind.
#[test]
fn replies() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let runtime = std::panic::AssertUnwindSafe(runtime);
    bolero::check!().with_iterations(2_000).with_max_len(256).for_each(|input: &[u8]| {
        let Some((layout, replies)) = input.split_first() else { return };
        runtime.block_on(read(layout % 5, replies.to_vec()));
    });
}

async fn read(layout: u8, replies: Vec<u8>) {
    let cache: Name = "airlines".parse().unwrap();
    let from: Id = reply::ID.parse().unwrap();
    let record = "Airlines".parse().unwrap();
    let store = Peer::replying(replies).store();
    let store = match layout {
        0 => store.with_layouts(&[]),
        1 => store.with_layouts(&[(cache.clone(), Layout::Hash)]),
        2 => store.with_layouts(&[(cache.clone(), Layout::Both(record))]),
        3 => store.with_layouts(&[(cache.clone(), Layout::Version)]),
        _ => store.with_layouts(&[(cache.clone(), Layout::Record(record))]),
    };
    let store = store.unwrap();
    shown(store.status(&cache).await);
    shown(read_whole(&*store, &cache).await);
    shown(store.update_hash(&cache).await);
    shown(store.repack(&cache).await);
    shown(store.get(&cache, &["FR", "LH"]).await);
    shown(store.peek(&cache, &["FR"]).await);
    shown(store.changes(&cache, from).await);
    shown(store.status(&cache).await);
}

/// What is read is also shown, in the log or in an error.
fn shown(result: Result<impl std::fmt::Debug>) {
    let text = match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!text.is_empty());
}
