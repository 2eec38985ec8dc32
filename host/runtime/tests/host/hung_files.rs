//! Files that are not what a loader expects: one that never answers, and what is not a file at all.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kiwi_host::{CacheConfig, DirGrant, FailureKind, FileGrant, Grants, Limits, Outcome};
use serde_json::json;

use crate::support::{Running, Setup, assert_failure, cache, eventually, every, guest, name, plugin, refill};

/// Another process that keeps a file for itself: whoever opens it waits, as for a file on an NFS server that is down.
struct Hung(Child);

impl Hung {
    /// # Panics
    /// There is no Python, or the file system has no leases.
    fn new(path: &Path) -> Self {
        const LEASE: &str = "import fcntl, os, signal, sys, time\n\
            signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
            fcntl.fcntl(os.open(sys.argv[1], os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
            print('leased', flush=True)\n\
            time.sleep(600)\n";
        let mut python = Command::new("python3");
        python.args(["-c", LEASE]).arg(path).stdout(Stdio::piped());
        let mut holder = Self(python.spawn().expect("python3 runs: install it"));
        let mut line = String::new();
        let stdout = holder.0.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "leased\n", "this file system has no leases");
        holder
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The threads and the open files of this process.
fn in_use() -> (usize, usize) {
    let count = |path: &str| fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// The file `data/airlines.csv`, which is not there yet, and a cache of it that waits for 50 ms at most.
fn airlines(setup: &Setup, grants: Grants) -> CacheConfig {
    fs::create_dir_all(setup.path().join("data")).unwrap();
    let settings = json!({ "path": "data/airlines.csv", "key": "iata" });
    let limits = Limits { load_timeout: Duration::from_millis(50), ..Limits::default() };
    // It is this test that loads it, not the schedule.
    let timing = every(Duration::from_secs(3600));
    CacheConfig { grants, limits, timing, ..cache("airlines", plugin("file"), settings) }
}

fn in_dir(setup: &Setup) -> Grants {
    Grants { dirs: vec![DirGrant::new("data", setup.path())], ..Grants::default() }
}

fn in_file(setup: &Setup) -> Grants {
    Grants { files: vec![FileGrant::new("data/airlines.csv", setup.path()).unwrap()], ..Grants::default() }
}

#[tokio::test]
async fn a_file_that_hangs_takes_few_threads_and_no_other_cache() {
    const LOADS: usize = 300;
    const BOUND: usize = 150;
    let setup = Setup::new();
    let witness = CacheConfig {
        timing: every(Duration::from_millis(100)),
        ..cache("witness", guest("echo"), json!({ "entries": { "here": true } }))
    };
    let host = setup.host([airlines(&setup, in_dir(&setup)), witness]).await;
    let running = Running::start(&host);
    let (airlines, witness) = (name("airlines"), name("witness"));
    eventually("the witness is published", async || !setup.is_missing(&witness).await).await;

    let path = setup.path().join("data/airlines.csv");
    fs::write(&path, "iata,name\nFR,Ryanair\n").unwrap();
    let hung = Hung::new(&path);
    let before = in_use();
    let mut failures = Vec::new();
    for _ in 0..LOADS {
        match refill(&host, &airlines).await {
            Outcome::Failed(failure) => failures.push(failure),
            other => panic!("expected a failure, got {other:?}"),
        }
    }
    let after = in_use();
    assert!(after.0 < before.0 + BOUND, "threads: {} before, {} after", before.0, after.0);
    assert!(after.1 < before.1 + BOUND, "open files: {} before, {} after", before.1, after.1);
    // On a busy machine the time may be over before the file is opened.
    let waited = failures.iter().find(|failure| failure.message.contains("waiting for the file"));
    assert_failure(waited.unwrap(), FailureKind::Limit, &["longer than 50ms", "`data/airlines.csv`"]);
    let says = ["3 earlier loads still wait", "`data/airlines.csv`", "does not answer", "restart the host"];
    assert_failure(&failures[LOADS - 1], FailureKind::Unavailable, &says);

    let last = setup.head(&witness).await.checked_at;
    eventually("the witness is refilled again", async || setup.head(&witness).await.checked_at > last).await;
    // The file answers: the threads end, and the cache is loaded.
    drop(hung);
    eventually("it is loaded", async || matches!(refill(&host, &airlines).await, Outcome::Published { .. })).await;
    running.stop().await;
}

#[tokio::test]
async fn a_named_pipe_is_refused_at_once() {
    for in_grants in [in_dir, in_file] {
        let setup = Setup::new();
        let config = airlines(&setup, in_grants(&setup));
        let config = CacheConfig { limits: Limits::default(), ..config };
        let host = setup.host([config]).await;
        let made = Command::new("mkfifo").arg(setup.path().join("data/airlines.csv")).status().unwrap();
        assert!(made.success());
        let (began, before) = (Instant::now(), in_use());
        for _ in 0..100 {
            let Outcome::Failed(failure) = refill(&host, &name("airlines")).await else { panic!("it is no file") };
            assert_failure(&failure, FailureKind::Denied, &["`data/airlines.csv` is neither a file", "named pipe"]);
        }
        // A load that waits for the pipe would take 30 s.
        assert!(began.elapsed() < Duration::from_secs(25), "it took {:?}", began.elapsed());
        let after = in_use();
        assert!(after.0 < before.0 + 80 && after.1 < before.1 + 80, "{before:?} before, {after:?} after");
    }
}
