//! The cost of one entry in each stage, measured a thousand at a time: `cargo bench -p kiwi-bench`.

#[path = "../../cli/src/allocator.rs"]
mod allocator;
#[path = "../../../tests/guests/bench_map/src/map.rs"]
mod map;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiwi_cache::Cache;
use kiwi_host::{CacheConfig, Host, LoadError, Loader, Output};
use kiwi_store::{Batch, Root};
use map::Map;
use tokio::runtime::Runtime;

const ENTRIES: u32 = 1_000;

criterion_group!(benches, batch, root, intake, local_get);
criterion_main!(benches);

fn entries() -> Vec<(String, String)> {
    Map { entries: ENTRIES, changed: 100.0, generation: 1 }.entries().collect()
}

/// Packing entries into a batch.
fn batch(criterion: &mut Criterion) {
    let entries = entries();
    let mut group = criterion.benchmark_group("batch");
    group.throughput(Throughput::Elements(ENTRIES.into()));
    group.bench_function("push", |bencher| {
        bencher.iter(|| {
            let mut batch = Batch::default();
            entries.iter().for_each(|(key, value)| batch.push(key, value));
            batch
        });
    });
    group.finish();
}

/// The fingerprint of a map.
fn root(criterion: &mut Criterion) {
    let entries = entries();
    let mut group = criterion.benchmark_group("root");
    group.throughput(Throughput::Elements(ENTRIES.into()));
    group.bench_function("add", |bencher| {
        bencher.iter(|| {
            let mut root = Root::default();
            entries.iter().for_each(|(key, value)| root.add(key, value));
            root
        });
    });
    group.finish();
}

/// A loader whose entries are already in memory.
struct Ready(Arc<Vec<(String, String)>>);

impl Loader for Ready {
    async fn load_from_source(&self, out: &mut Output) -> Result<(), LoadError> {
        for (key, value) in &*self.0 {
            out.emit_json(key, value).await?;
        }
        Ok(())
    }
}

/// All that the host does with entries before they reach the store: checks, search for duplicate keys, batches.
fn intake(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let host = runtime.block_on(async {
        let store = format!("file:{}", directory.path().display()).parse().expect("a store's URL");
        let store = kiwi_store::open(&store).expect("an embedded store");
        let cache = CacheConfig::native("bench".parse().expect("a name"), Ready(Arc::new(entries())));
        Host::builder(store).caches([cache]).build().await.expect("a host").0
    });
    let mut group = criterion.benchmark_group("intake");
    group.throughput(Throughput::Elements(ENTRIES.into()));
    group.bench_function("load_dry", |bencher| {
        bencher.iter(|| {
            let loaded = runtime.block_on(host.load_dry("bench", |batch| {
                black_box(batch.len());
            }));
            loaded.expect("the cache is there").expect("its entries are good")
        });
    });
    group.finish();
}

/// A read from a map that fits into the processor's caches.
fn local_get(criterion: &mut Criterion) {
    let entries = entries();
    let cache = Cache::fixed(entries.iter().map(|(key, value)| (key.as_str(), value.len())));
    let mut group = criterion.benchmark_group("local_get");
    group.throughput(Throughput::Elements(ENTRIES.into()));
    group.bench_function("get", |bencher| {
        bencher.iter(|| {
            let lengths = entries.iter().map(|(key, _)| cache.get(key).ok().flatten().map_or(0, |length| *length));
            lengths.sum::<usize>()
        });
    });
    group.finish();
}
