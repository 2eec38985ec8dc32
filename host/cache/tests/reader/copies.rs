//! Copies on disk: a service starts with one, all processes of a machine share it, and it proves itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kiwi_cache::{Cache, State, Value};
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::publisher::Publisher;
use crate::redis_server::RedisServer;
use crate::{LONG, SHORT, eventually};

type Map = BTreeMap<String, String>;

fn numbered(entries: usize) -> Vec<(String, String)> {
    (0..entries).map(|n| (format!("key-{n}"), format!("[{n},\"{}\"]", "x".repeat(n % 50)))).collect()
}

fn read(cache: &Cache<str>) -> Map {
    cache.snapshot().unwrap().iter().map(|(key, json)| (key.to_owned(), json.to_owned())).collect()
}

async fn connect<V: Value + ?Sized>(redis: &RedisServer, dir: &Path) -> kiwi_cache::Result<Cache<V>> {
    Cache::builder("airlines").store(redis.url()).copy_dir(dir).poll_only().reload_ttl(LONG).connect().await
}

/// The files of one kind below the directory.
fn files(dir: &Path, kind: &str) -> Vec<PathBuf> {
    let caches = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = caches.flat_map(|cache| fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|path| path.extension().is_some_and(|found| found == kind)).collect()
}

fn the_copy(dir: &Path) -> PathBuf {
    let [copy] = files(dir, "kiwi").try_into().expect("one copy");
    copy
}

/// How many bytes the server has sent so far.
fn sent(redis: &RedisServer) -> u64 {
    let info: String = redis.command(&["INFO", "stats"]).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    line.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_starts_while_the_store_is_away_and_is_fresh_when_it_is_back() {
    let (mut redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let published = Publisher::new(&redis).publish(&numbered(30_000)).await;
    let before = read(&connect(&redis, dir.path()).await.unwrap());
    redis.kill();

    let builder = Cache::<str>::builder("airlines").store(redis.url()).copy_dir(dir.path()).reload_ttl(SHORT);
    let cache = builder.connect().await.unwrap();
    assert_eq!((cache.state(), cache.id(), cache.seq()), (State::Stale, Some(published.id), Some(published.seq)));
    assert!(cache.last_error().unwrap().is_unavailable());
    assert_eq!(read(&cache), before);
    let age = cache.age().unwrap();
    assert!(age < LONG, "{age:?}");

    redis.restart();
    assert!(redis.is_ready());
    let head = Publisher::new(&redis).publish(&[("FR", "1")]).await;
    eventually("it is followed again", async || cache.id() == Some(head.id)).await;
    assert_eq!((cache.state(), cache.len().unwrap()), (State::Fresh, 1));
    let without = Cache::<str>::builder("airlines").store("redis://127.0.0.1:1").connect().await;
    assert!(without.unwrap_err().is_unavailable(), "without a copy it cannot start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reader_loads_and_writes_for_all_others() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    // Random text, which cannot be compressed.
    let entries: Vec<(String, String)> = (0..20_000)
        .map(|n| (n.to_string(), format!("\"{:032x}{:032x}\"", fastrand::u128(..), fastrand::u128(..))))
        .collect();
    Publisher::new(&redis).publish(&entries).await;
    let before = sent(&redis);
    let alone: Cache<str> = Cache::connect(redis.url(), "airlines").await.unwrap();
    let expected = read(&alone);
    let once = sent(&redis) - before;
    let before = sent(&redis);
    let readers: Vec<_> = futures_util::future::join_all((0..16).map(|_| connect::<str>(&redis, dir.path()))).await;
    let all = sent(&redis) - before;
    assert!(all < 2 * once, "16 readers were sent {all} bytes, and one {once}");
    for reader in readers {
        let reader = reader.unwrap();
        assert_eq!((reader.state(), read(&reader) == expected), (State::Fresh, true));
    }
    assert_eq!(files(dir.path(), "tmp"), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deltas_lead_on_from_a_copy() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(30_000)).await;
    drop(connect::<str>(&redis, dir.path()).await.unwrap());
    let copy = the_copy(dir.path());
    let head = publisher.change(&[("key-7", "\"new\"")]).await;
    let before = sent(&redis);
    let cache = connect::<str>(&redis, dir.path()).await.unwrap();
    assert_eq!((cache.id(), &*cache.get("key-7").unwrap().unwrap()), (Some(head.id), "\"new\""));
    assert!(sent(&redis) - before < 20_000, "only the change was sent");
    assert_eq!(the_copy(dir.path()), copy);
    assert_eq!(cache.len().unwrap(), 30_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_written_again_when_much_has_changed_and_others_take_it_over() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(1_000)).await;
    let first = connect::<str>(&redis, dir.path()).await.unwrap();
    let second = connect::<str>(&redis, dir.path()).await.unwrap();
    let old = the_copy(dir.path());
    let keys: Vec<String> = (0..100).map(|n| format!("key-{n}")).collect();
    let changed: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "0")).collect();
    let head = publisher.change(&changed).await;
    for reader in [&first, &second] {
        reader.reload().await.unwrap();
        reader.reload().await.unwrap();
        assert_eq!((reader.id(), &*reader.get("key-99").unwrap().unwrap()), (Some(head.id), "0"));
    }
    let new = the_copy(dir.path());
    assert!(new != old && new.to_string_lossy().contains(&head.id.to_string()));
    assert_eq!(read(&first), read(&second));
    let third = connect::<str>(&redis, dir.path()).await.unwrap();
    assert_eq!(read(&third), read(&first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_type_are_parsed_from_the_copy() {
    let (mut redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(30_000)).await;
    type Numbered = (u32, String);
    let cache = connect::<Numbered>(&redis, dir.path()).await.unwrap();
    assert_eq!(cache.get("key-7").unwrap().unwrap().0, 7);
    // More than one in 32: the next poll loads the map for another copy.
    let keys: Vec<String> = (0..2_000).map(|n| format!("key-{n}")).collect();
    let changed: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "[0,\"\"]")).collect();
    let head = publisher.change(&changed).await;
    cache.reload().await.unwrap();
    cache.reload().await.unwrap();
    assert!(the_copy(dir.path()).to_string_lossy().contains(&head.id.to_string()));
    redis.kill();
    let again = connect::<Numbered>(&redis, dir.path()).await.unwrap();
    assert_eq!((again.state(), again.len().unwrap()), (State::Stale, 30_000));
    assert_eq!([7, 29_999].map(|n| again.get(&format!("key-{n}")).unwrap().unwrap().0), [0, 29_999]);
    // It is of another type there, so it is not served.
    let error = connect::<u64>(&redis, dir.path()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(connect::<Box<RawValue>>(&redis, dir.path()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_damaged_in_any_place_is_never_served() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(5_000)).await;
    let expected = read(&connect(&redis, dir.path()).await.unwrap());
    let copy = the_copy(dir.path());
    let whole = fs::read(&copy).unwrap();
    let lengths = [0, 7, 15, 100, whole.len() / 2, whole.len() - 200];
    let truncated = lengths.map(|len| whole[..len].to_vec());
    let flipped = (0..60).map(|n| {
        let mut damaged = whole.clone();
        // The first bytes, and then all over the file.
        let at = if n < 20 { n } else { fastrand::usize(..whole.len()) };
        damaged[at] ^= 1 << (n % 8);
        damaged
    });
    let newer = [&whole[..8], &2_u32.to_le_bytes(), &whole[12..]].concat();
    for damaged in truncated.into_iter().chain(flipped).chain([newer, Vec::new(), b"hello".repeat(100)]) {
        fs::write(&copy, &damaged).unwrap();
        // Whatever it was, this is what is published.
        let cache = connect::<str>(&redis, dir.path()).await.unwrap();
        assert_eq!((cache.state(), read(&cache) == expected), (State::Fresh, true));
        let healed = fs::read(&copy).unwrap();
        // The numbers in its header, and so its length, are others each time.
        assert!(healed.len() + 16_384 > whole.len(), "it is written again");
        drop(cache);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_another_cache_or_store_is_not_served() {
    let (mut redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    Publisher::new(&redis).publish(&numbered(5_000)).await;
    drop(connect::<str>(&redis, dir.path()).await.unwrap());
    redis.kill();
    let other_store = Cache::<str>::builder("airlines").store("redis://127.0.0.1:1").copy_dir(dir.path());
    assert!(other_store.connect().await.unwrap_err().is_unavailable());
    // Somebody moves it into the place of another cache.
    let other = Cache::<str>::builder("rates").store(redis.url()).copy_dir(dir.path()).start_missing().connect().await;
    drop(other.unwrap());
    let copy = the_copy(dir.path());
    let caches = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let rates =
        caches.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("rates")).unwrap();
    fs::copy(&copy, rates.join(copy.file_name().unwrap())).unwrap();
    let rates = Cache::<str>::builder("rates").store(redis.url()).copy_dir(dir.path()).connect().await;
    assert!(rates.unwrap_err().is_unavailable());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_has_left_is_no_obstacle() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    Publisher::new(&redis).publish(&numbered(5_000)).await;
    drop(connect::<str>(&redis, dir.path()).await.unwrap());
    let copy = the_copy(dir.path());
    // Half a copy under its first name, and the file of the lock without a lock.
    fs::rename(&copy, copy.with_extension("tmp")).unwrap();
    fs::write(copy.with_file_name("123-4.tmp"), "5").unwrap();
    let cache = connect::<str>(&redis, dir.path()).await.unwrap();
    assert_eq!(cache.len().unwrap(), 5_000);
    assert_eq!((the_copy(dir.path()), files(dir.path(), "tmp").len()), (copy, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_in_vain_for_another_process_loads_by_itself() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    Publisher::new(&redis).publish(&numbered(5_000)).await;
    drop(connect::<str>(&redis, dir.path()).await.unwrap());
    let copy = the_copy(dir.path());
    fs::remove_file(&copy).unwrap();
    // Another process has the lock, and writes nothing.
    let lock = fs::File::options().write(true).open(copy.with_file_name("lock")).unwrap();
    lock.lock().unwrap();
    let cache = connect::<str>(&redis, dir.path()).await.unwrap();
    assert_eq!((cache.state(), cache.len().unwrap()), (State::Fresh, 5_000));
    assert!(!copy.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_relied_on_is_refused_with_the_reason() {
    let (redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    Publisher::new(&redis).publish(&[("FR", "1")]).await;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = connect::<str>(&redis, dir.path()).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("chmod go-w"), "{error}");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = connect::<str>(&redis, &file).await.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains("not a directory for copies"), "{error}");
    let cache = connect::<str>(&redis, &dir.path().join("new")).await.unwrap();
    let mode = fs::metadata(the_copy(&dir.path().join("new")).parent().unwrap()).unwrap().permissions().mode();
    assert_eq!((cache.len().unwrap(), mode & 0o777), (1, 0o700));
    // Only a privileged process can give a directory away.
    if std::os::unix::fs::chown(dir.path().join("new"), Some(65_534), None).is_ok() {
        let error = connect::<str>(&redis, &dir.path().join("new")).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("belongs to another user"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_can_be_read_into_memory() {
    let (mut redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    Publisher::new(&redis).publish(&numbered(5_000)).await;
    let expected = read(&connect(&redis, dir.path()).await.unwrap());
    redis.kill();
    let builder = Cache::<str>::builder("airlines").store(redis.url()).copy_dir(dir.path()).copy_in_memory();
    let cache = builder.connect().await.unwrap();
    fs::write(the_copy(dir.path()), "").unwrap();
    assert_eq!(read(&cache), expected, "it does not matter any more what becomes of the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_age_of_a_copy_is_that_of_the_last_check_and_not_of_its_file() {
    let (mut redis, dir) = (RedisServer::start(), TempDir::new().unwrap());
    let publisher = Publisher::new(&redis);
    publisher.publish(&numbered(5_000)).await;
    let cache = connect::<str>(&redis, dir.path()).await.unwrap();
    let copy = the_copy(dir.path());
    cache.reload().await.unwrap();
    let checked = copy.with_extension("checked");
    let before: u64 = fs::read_to_string(&checked).unwrap().parse().unwrap();
    // A file that says an hour ago, as if nobody had checked since.
    fs::write(&checked, (before - 3_600_000).to_string()).unwrap();
    drop(cache);
    redis.kill();
    let cache = connect::<str>(&redis, dir.path()).await.unwrap();
    // What the copy itself says is newer.
    assert!(cache.age().unwrap() < LONG, "{:?}", cache.age());
}
