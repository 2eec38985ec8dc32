//! Reads a map from moka in the same way as `local_read.rs` of kiwi-bench reads ours: `moka-reads ENTRIES THREADS`. For
//! each line on standard input it prints the time of one read, as {"nanoseconds": 123.4}.

#[path = "../../../../cli/src/allocator.rs"]
mod allocator;
#[path = "../../../../../tests/guests/bench_map/src/map.rs"]
#[allow(dead_code, reason = "only the keys are used")]
mod map;
#[path = "../../../src/order.rs"]
mod order;

use std::error::Error;
use std::hint::black_box;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use moka::sync::Cache;

/// As large as a value in our map.
struct Airline {
    _texts: [String; 3],
    _rating: f64,
    made: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [entries, threads] = &arguments[..] else { return Err("expected: moka-reads ENTRIES THREADS".into()) };
    let (entries, threads) = (entries.parse::<u32>()?, threads.parse::<usize>()?);
    let keys = order::shuffled_keys(entries);
    let cache: Cache<String, Arc<Airline>> = Cache::new(u64::from(entries) * 2);
    for key in &keys {
        let texts = [key.clone(), format!("Airline {key}"), "IE".to_owned()];
        cache.insert(key.clone(), Arc::new(Airline { _texts: texts, _rating: 4.5, made: 10_000_000 }));
    }
    cache.run_pending_tasks();
    for line in std::io::stdin().lock().lines() {
        line?;
        println!("{{\"nanoseconds\": {}}}", nanoseconds(threads, &keys, &cache));
    }
    Ok(())
}

fn nanoseconds(threads: usize, keys: &[String], cache: &Cache<String, Arc<Airline>>) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (before, after) = keys.split_at(keys.len() * thread / threads);
            scope.spawn(move || {
                let read = |key: &String| cache.get(key.as_str()).map_or(0, |airline| u64::from(airline.made));
                black_box(after.iter().chain(before).map(read).sum::<u64>())
            });
        }
    });
    started.elapsed().as_nanos() as f64 / keys.len() as f64
}
