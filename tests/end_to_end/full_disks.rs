//! An embedded store on a disk that is full.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kiwi_cache::Cache;
use tempfile::TempDir;

use crate::support::{Number, Numbers, Running, WorkDir, eventually, numbers_in};

const ENTRIES: u32 = 20_000;
/// Enough room to start writing another map, but not enough for all of it.
const ROOM: u64 = 512 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_and_the_old_map_is_served() {
    let disk = Disk::new();
    let store = format!("file:{}", disk.dir.path().join("store").display());
    let timing = "refill_interval = \"300ms\"\ncache_ttl = \"10m\"";
    let workdir = WorkDir::with(&numbers_in(&store, ENTRIES, timing));
    workdir.run(&["refill", "--all"]).expect(0);
    let old = workdir.run(&["dump", "numbers"]).expect(0).stdout;
    let reader = Cache::builder("numbers").store(&store).reload_ttl(Duration::from_millis(100));
    let cache: Cache<Number> = reader.connect().await.expect("a map that is published");
    let elsewhere = WorkDir::with(&numbers_in("file:store", ENTRIES, timing));
    let mut neighbour = elsewhere.start(&["run"]);

    let mut host = disk.run_with_little_room(&workdir);
    println!("{}", host.wait_for_log("disk is full"));
    let published = neighbour.count_in_log("published cache=numbers");
    neighbour.wait_for_log_times("published cache=numbers", published + 3);
    assert_eq!(workdir.run(&["dump", "numbers"]).expect(0).stdout, old, "the old map is served");
    let mut met = Numbers::default();
    met.check(&cache.snapshot().expect("a map that was loaded stays"), ENTRIES);
    let status = workdir.run(&["status"]).expect(0).stdout;
    println!("{status}");

    if disk.grow() {
        host.wait_for_log("published cache=numbers");
        eventually("the new map", || (workdir.run(&["dump", "numbers"]).expect(0).stdout != old).then_some(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_fit_costs_the_copy_and_nothing_else() {
    let (disk, elsewhere) = (Disk::new(), TempDir::new().expect("a temporary directory"));
    let store = format!("file:{}", elsewhere.path().display());
    let workdir = WorkDir::with(&numbers_in(&store, ENTRIES, "cache_ttl = \"10m\""));
    workdir.run(&["refill", "--all"]).expect(0);
    let copies = disk.dir.path().join("copies");
    if !disk.has_room_of(256 * 1024) {
        println!("this process may not mount: there is no disk that can be full");
        return;
    }
    let reader = Cache::<str>::builder("numbers").store(&store).copy_dir(&copies);
    let cache = reader.connect().await.expect("the store has the map");
    let files = || {
        let caches = fs::read_dir(&copies).expect("it was created").map(|entry| entry.expect("an entry").path());
        let files = caches.flat_map(|cache| fs::read_dir(cache).expect("a directory"));
        let names = files.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".kiwi") || name.ends_with(".tmp")).collect::<Vec<_>>()
    };
    assert_eq!((cache.len().expect("a map"), files()), (ENTRIES as usize, Vec::new()));

    assert!(disk.grow());
    cache.reload().await.expect("the store is there");
    let reader = Cache::<str>::builder("numbers").store(&store).copy_dir(&copies);
    let next = reader.connect().await.expect("the store has the map");
    assert_eq!((files().len(), next.len().expect("a map")), (1, ENTRIES as usize), "the next reader writes it");
}

/// A separate file system if this process may mount one, otherwise a directory and a limit on the size
/// of the host's files.
struct Disk {
    dir: TempDir,
    kind: Kind,
}

enum Kind {
    Mounted,
    Limited,
}

impl Disk {
    fn new() -> Self {
        let dir = TempDir::with_prefix("kiwi-disk-").expect("a temporary directory");
        let kind = match mount("-t tmpfs -o size=64m tmpfs", dir.path()) {
            true => Kind::Mounted,
            false => {
                println!("this process may not mount: the host gets a limit on file sizes instead");
                Kind::Limited
            }
        };
        Self { dir, kind }
    }

    /// Starts the host, on a disk that is nearly full.
    fn run_with_little_room(&self, workdir: &WorkDir) -> Running {
        match self.kind {
            Kind::Mounted => {
                let size = used(self.dir.path()) + ROOM;
                assert!(mount(&format!("-o remount,size={size} tmpfs"), self.dir.path()));
                workdir.start(&["run"])
            }
            Kind::Limited => {
                let size = used(self.dir.path()) + ROOM;
                workdir.start_in_shell(&format!("trap '' XFSZ; exec prlimit --fsize={size} \"$@\""), &["run"])
            }
        }
    }

    /// Leaves so much room; returns false if that is not possible.
    fn has_room_of(&self, bytes: u64) -> bool {
        let size = used(self.dir.path()) + bytes;
        matches!(self.kind, Kind::Mounted) && mount(&format!("-o remount,size={size} tmpfs"), self.dir.path())
    }

    /// Makes room again; returns false if that is not possible.
    fn grow(&self) -> bool {
        matches!(self.kind, Kind::Mounted) && mount("-o remount,size=64m tmpfs", self.dir.path())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if matches!(self.kind, Kind::Mounted) {
            let _ = Command::new("umount").arg("--lazy").arg(self.dir.path()).status();
        }
    }
}

fn mount(how: &str, at: &Path) -> bool {
    let mount = Command::new("mount").args(how.split(' ')).arg(at).stderr(Stdio::null()).status();
    mount.is_ok_and(|status| status.success())
}

/// The bytes that all files in a directory use on disk.
fn used(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    let size = |entry: fs::DirEntry| match entry.metadata().expect("a file or directory") {
        metadata if metadata.is_dir() => used(&entry.path()),
        metadata => metadata.blocks() * 512,
    };
    entries.map(size).sum()
}
