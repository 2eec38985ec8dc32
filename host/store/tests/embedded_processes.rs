//! The embedded store under several processes, and when one of them is killed.
//!
//! A test plays both parts: it starts its own binary again, with a variable that says which
//! directory to work in as the other process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kiwi_store::{Batch, Head, Holder, Id, LeaseState, Name, Root, Token, Ttl};
use kiwi_store::{Begin, CommitError, Content, Due, Embedded, Lease, Publish, Store, testing::read_whole};

const LONG: Duration = Duration::from_secs(300);
const ENTRIES: u64 = 20_000;
const OTHER: &str = "KIWI_TEST_OTHER_PROCESS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_killed_at_any_moment_leaves_a_whole_map_and_a_free_lease() {
    if let Some(dir) = directory_of_the_other_process() {
        let host = open(&dir);
        loop {
            let lease = take(&host).await;
            refill(&host, lease, ENTRIES).await;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut last = refill(&store, take(&store).await, ENTRIES).await;
    let reader = Reader::start(dir.path());
    for _ in 0..20 {
        let mut host = other_process("a_host_killed_at_any_moment_leaves_a_whole_map_and_a_free_lease", dir.path());
        eventually("the other process publishes", async || whole_map(&store).await.id != last.id).await;
        tokio::time::sleep(random_part_of(Duration::from_millis(200))).await;
        kill(&mut host);

        last = whole_map(&store).await;
        assert_eq!(lease_state(&store).await, LeaseState::Free, "a lock goes with its process");
        let lease = take(&store).await;
        store.release(lease).await.unwrap();
    }
    assert!(reader.stop().await > 20, "the reader went on reading");

    let rewritten = refill(&store, take(&store).await, ENTRIES).await;
    assert_eq!(whole_map(&store).await, rewritten);
    let disk = data_file(dir.path());
    assert!(disk < 8 * rewritten.bytes, "{disk} bytes of disk for {} of data", rewritten.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_reads_whole_maps_while_this_one_writes() {
    if let Some(dir) = directory_of_the_other_process() {
        let reader = open(&dir);
        let first = whole_map(&reader).await;
        eventually("ten more maps were published", async || whole_map(&reader).await.seq > first.seq + 10).await;
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    refill(&store, take(&store).await, ENTRIES).await;
    let mut reader = other_process("another_process_reads_whole_maps_while_this_one_writes", dir.path());
    let deadline = Instant::now() + LONG;
    while reader.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the reader hangs");
        refill(&store, take(&store).await, ENTRIES).await;
    }
    has_passed(&reader.wait_with_output().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_reader_does_not_keep_old_pages() {
    if let Some(dir) = directory_of_the_other_process() {
        let reader = open(&dir);
        loop {
            whole_map(&reader).await;
            std::fs::write(dir.join(".reading"), "").unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    refill(&store, take(&store).await, ENTRIES).await;
    for _ in 0..5 {
        let mut reader = other_process("a_killed_reader_does_not_keep_old_pages", dir.path());
        eventually("the other process reads", async || dir.path().join(".reading").exists()).await;
        kill(&mut reader);
        std::fs::remove_file(dir.path().join(".reading")).unwrap();
    }
    let (mut sizes, mut bytes) = (Vec::new(), 0);
    for _ in 0..10 {
        bytes = refill(&store, take(&store).await, ENTRIES).await.bytes;
        sizes.push(data_file(dir.path()));
    }
    assert!(sizes[9] < 6 * bytes, "the file goes on growing: {sizes:?} for {bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_exclude_each_other_until_one_is_killed() {
    if let Some(dir) = directory_of_the_other_process() {
        let host = open(&dir);
        let lease = take(&host).await;
        stage(&host, &lease, Id::random(), 100).await;
        return std::future::pending().await;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut host = other_process("processes_exclude_each_other_until_one_is_killed", dir.path());
    let is_held = async || matches!(lease_state(&store).await, LeaseState::Held { .. });
    eventually("the other process has the lease", is_held).await;
    let begin = store.begin(&cache(), Holder::anonymous(), LONG, Due::Always).await.unwrap();
    assert!(matches!(begin, Begin::Busy { left } if left > LONG / 2), "{begin:?}");

    kill(&mut host);
    let lease = take(&store).await;
    assert!(!store.is_staged(&lease, &key(0)).await.unwrap(), "what the killed host staged is gone");
    refill(&store, lease, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_reported_and_the_old_map_stays() {
    if let Some(dir) = directory_of_the_other_process() {
        let store = open(&dir);
        let before = refill(&store, take(&store).await, 1_000).await;
        let lease = take(&store).await;
        let error = loop {
            let mut batch = Batch::default();
            (0..1_000).for_each(|_| batch.push(&Id::random().to_string(), &"0".repeat(1_000)));
            if let Err(error) = store.stage(&lease, &batch).await {
                break error;
            }
        };
        let text = error.to_string();
        assert!(error.is_full() && text.contains("airlines") && text.contains("disk is full"), "{text}");
        assert!(text.contains(dir.to_str().unwrap()) && text.contains("What was published stays"), "{text}");
        assert_eq!(whole_map(&store).await, before);
        store.release(lease).await.unwrap();
        // There is room again for what is smaller.
        refill(&store, take(&store).await, 2_000).await;
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files is the full disk that needs no rights: the write fails, once the
    // signal that would kill the process is ignored.
    let limit = "trap '' XFSZ; ulimit -f 8192";
    limited_process(limit, "a_full_disk_is_reported_and_the_old_map_stays", dir.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_address_space_is_enough() {
    if let Some(dir) = directory_of_the_other_process() {
        let store = open(&dir);
        assert_eq!(whole_map(&store).await.entries, 100);
        let rewritten = refill(&store, take(&store).await, ENTRIES).await;
        assert_eq!(whole_map(&store).await, rewritten);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    refill(&store, take(&store).await, 100).await;
    limited_process("ulimit -v 8388608", "a_small_address_space_is_enough", dir.path());
    assert_eq!(whole_map(&store).await.entries, ENTRIES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_forgets_a_cache_is_noticed() {
    if let Some(dir) = directory_of_the_other_process() {
        let other = open(&dir);
        assert!(other.forget(&cache()).await.unwrap());
        refill(&other, take(&other).await, 7).await;
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let before = refill(&store, take(&store).await, 100).await;
    let fenced = take(&store).await;
    let other = other_process("another_process_that_forgets_a_cache_is_noticed", dir.path());
    has_passed(&other.wait_with_output().unwrap());

    assert!(!store.renew(&fenced, LONG).await.unwrap());
    let touch = publish(Content::Touch { base: before.id });
    let refused = store.commit(fenced, &touch).await.unwrap_err();
    assert!(matches!(refused.reason, CommitError::Fenced), "{refused:?}");
    assert_eq!(whole_map(&store).await.entries, 7);
}

fn directory_of_the_other_process() -> Option<PathBuf> {
    std::env::var_os(OTHER).map(PathBuf::from)
}

/// Runs one test of this binary as the other process.
fn other_process(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(OTHER, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs one test of this binary to its end under a limit set by the shell.
fn limited_process(limit: &str, test: &str, dir: &Path) {
    let output = Command::new("sh")
        .args(["-c", &format!(r#"{limit}; exec "$0" "$@""#)])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(OTHER, dir)
        .output()
        .unwrap();
    has_passed(&output);
}

/// Also that there was such a test.
fn has_passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn kill(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// A reader in this process that checks one whole map after the other, until it is stopped.
struct Reader {
    reading: Arc<AtomicBool>,
    checked: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    fn start(dir: &Path) -> Self {
        let store = open(dir);
        let (reading, checked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (go_on, count) = (Arc::clone(&reading), Arc::clone(&checked));
        let task = tokio::spawn(async move {
            while go_on.load(Ordering::Relaxed) {
                whole_map(&store).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { reading, checked, task }
    }

    async fn stop(self) -> u64 {
        self.reading.store(false, Ordering::Relaxed);
        self.task.await.expect("every map it read was whole");
        self.checked.load(Ordering::Relaxed)
    }
}

fn open(dir: &Path) -> Arc<dyn Store> {
    Arc::new(Embedded::open(dir).unwrap())
}

fn cache() -> Name {
    "airlines".parse().unwrap()
}

fn key(n: u64) -> String {
    format!("key {n:06}")
}

fn publish(content: Content) -> Publish {
    Publish::new(content, Ttl::For(LONG), LONG)
}

async fn take(store: &Arc<dyn Store>) -> Lease {
    match store.begin(&cache(), Holder::anonymous(), LONG, Due::Always).await.unwrap() {
        Begin::Go { lease, .. } => lease,
        other => panic!("expected the lease, got {other:?}"),
    }
}

/// Publishes a map in which every value is the snapshot's id.
async fn refill(store: &Arc<dyn Store>, lease: Lease, entries: u64) -> Head {
    let id = Id::random();
    let (bytes, root) = stage(store, &lease, id, entries).await;
    let swap = publish(Content::Swap { id, entries, bytes, root });
    store.commit(lease, &swap).await.unwrap();
    read_whole(&**store, &cache()).await.unwrap().expect("something is published").0
}

async fn stage(store: &Arc<dyn Store>, lease: &Lease, id: Id, entries: u64) -> (u64, Root) {
    let (mut bytes, mut root) = (0, Root::default());
    let value = format!("\"{id}\"");
    for start in (0..entries).step_by(1_000) {
        let mut batch = Batch::default();
        for n in start..entries.min(start + 1_000) {
            batch.push(&key(n), &value);
            root.add(&key(n), &value);
        }
        bytes += batch.bytes() as u64;
        store.stage(lease, &batch).await.unwrap();
    }
    (bytes, root)
}

/// Reads everything and checks that it is one whole snapshot.
async fn whole_map(store: &Arc<dyn Store>) -> Head {
    let (head, entries) = read_whole(&**store, &cache()).await.unwrap().expect("something is published");
    let value = format!("\"{}\"", head.id);
    let strays = entries.iter().filter(|&(_, found)| found != value).count();
    assert_eq!((entries.len() as u64, strays), (head.entries, 0), "of snapshot {}", head.seq);
    head
}

async fn lease_state(store: &Arc<dyn Store>) -> LeaseState {
    store.status(&cache()).await.unwrap().lease
}

fn data_file(dir: &Path) -> u64 {
    std::fs::metadata(dir.join("airlines/data.mdb")).unwrap().len()
}

/// Some moment of this time.
fn random_part_of(time: Duration) -> Duration {
    let digits = Token::random().to_string();
    time * u32::from_str_radix(&digits[..4], 16).unwrap() / 0xffff
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
