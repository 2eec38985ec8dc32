//! Readers with nothing to serve ask a host: however many they are, the source is loaded once.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use kiwi_cache::{Cache, blocking};

use crate::redis_server::RedisServer;
use crate::support::{LONG, Running, WorkDir, eventually, plugin};

/// Readers of each kind: 1,000 in all.
const SHARING_A_STORE: usize = 700;
const WITH_A_STORE_EACH: usize = 100;
const BLOCKING: usize = 200;

/// A source over HTTP that counts its requests, and answers while its gate is open.
#[derive(Clone)]
struct Source {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

impl Source {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("its address");
        let gate = Arc::new((Mutex::new(Gate::Open), Condvar::new()));
        let source = Self { address, asked: Arc::default(), gate };
        let serving = source.clone();
        // This thread ends with the test's process.
        std::thread::spawn(move || {
            for connection in socket.incoming().flatten() {
                let source = serving.clone();
                std::thread::spawn(move || source.answer(connection));
            }
        });
        source
    }

    /// Answers one request. The host may have exited meanwhile, so errors are ignored.
    fn answer(&self, mut connection: TcpStream) {
        let head = BufReader::new(&connection).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        if head.count() == 0 {
            return;
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (gate, opened) = &*self.gate;
        let closed = gate.lock().expect("no thread panics while it holds this");
        drop(opened.wait_while(closed, |gate| *gate == Gate::Closed).expect("no thread panics while it holds this"));
        let body = r#"{"FR": {"name": "Ryanair"}, "U2": {"name": "easyJet"}}"#;
        let length = body.len();
        let _ = write!(
            connection,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }

    fn set(&self, state: Gate) {
        let (gate, opened) = &*self.gate;
        *gate.lock().expect("no thread panics while it holds this") = state;
        opened.notify_all();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A host that has published this source once, and will not load it again by itself.
    fn host(&self, workdir: &WorkDir, store: &str) -> Running {
        let (plugin, url) = (plugin("http"), format!("http://{}", self.address));
        workdir.file(
            "kiwi.toml",
            &format!(
                "store = {store:?}\n[cache.airlines]\nplugin = {plugin:?}\nsettings = {{ url = \"{url}/airlines\" }}\n\
                 grants = {{ http = [\"{url}\"] }}\nreload_ttl = \"1h\"\n"
            ),
        );
        let mut host = workdir.start(&["run"]);
        host.wait_for_log("published cache=airlines");
        host
    }
}

#[derive(serde::Deserialize)]
struct Airline {
    name: String,
}

/// A reader that starts although nothing is published.
fn reader(store: impl Into<kiwi_cache::Address>) -> kiwi_cache::Builder<Cache<Airline>> {
    Cache::builder("airlines").store(store).reload_ttl(LONG).start_missing()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_async_and_blocking_readers_of_an_empty_cache_cause_one_load() {
    let (redis, source, workdir) = (RedisServer::start(), Source::start(), WorkDir::new());
    let _host = source.host(&workdir, &redis.url());
    assert_eq!(source.asked(), 1);
    source.set(Gate::Closed);
    redis.command::<()>(&["FLUSHALL"]).expect("an answer");

    let begun = Arc::new(AtomicUsize::new(0));
    let blocking: Vec<_> = (0..BLOCKING)
        .map(|_| {
            let (url, begun) = (redis.url(), Arc::clone(&begun));
            std::thread::spawn(move || {
                let builder = blocking::Cache::<Airline>::builder("airlines").store(url).reload_ttl(LONG);
                let airlines = builder.refill_timeout(LONG).start_missing().connect().expect("a reader");
                begun.fetch_add(1, Ordering::SeqCst);
                airlines.get_or_refill("FR").map(|airline| airline.map(|airline| airline.name.clone()))
            })
        })
        .collect();
    let shared = kiwi_store::open(&redis.url().parse().expect("a URL")).expect("a store");
    let each = (0..WITH_A_STORE_EACH).map(|_| reader(redis.url()));
    let builders = (0..SHARING_A_STORE).map(|_| reader(&shared)).chain(each);
    let reading: Vec<_> = builders
        .map(|builder| {
            let begun = Arc::clone(&begun);
            tokio::spawn(async move {
                let airlines = builder.refill_timeout(LONG).connect().await.expect("a reader");
                begun.fetch_add(1, Ordering::SeqCst);
                airlines.get_or_refill("FR").await.map(|airline| airline.map(|airline| airline.name.clone()))
            })
        })
        .collect();

    let readers = BLOCKING + SHARING_A_STORE + WITH_A_STORE_EACH;
    tokio::task::block_in_place(|| {
        eventually("all readers find nothing, and the source is asked", || {
            (begun.load(Ordering::SeqCst) == readers && source.asked() == 2).then_some(())
        });
    });
    source.set(Gate::Open);
    for reading in reading {
        assert_eq!(reading.await.expect("no panic").expect("an airline").as_deref(), Some("Ryanair"));
    }
    for reading in blocking {
        assert_eq!(reading.join().expect("no panic").expect("an airline").as_deref(), Some("Ryanair"));
    }
    assert_eq!((readers, source.asked()), (1_000, 2), "one load before FLUSHALL, and one for all readers");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_embedded_store_a_forgotten_map_is_loaded_again_for_a_reader() {
    let (source, workdir) = (Source::start(), WorkDir::new());
    let store = format!("file:{}", workdir.path().join("store").display());
    let _host = source.host(&workdir, &store);
    workdir.run(&["forget", "airlines", "--store", &store, "--yes"]).expect(0);
    let airlines = reader(store).refill_timeout(LONG).connect().await.expect("a reader");
    let ryanair = airlines.get_or_refill("FR").await.expect("an airline").expect("Ryanair");
    assert_eq!((ryanair.name.as_str(), source.asked()), ("Ryanair", 2));
}

#[test]
fn a_host_subscribes_again_after_a_disconnect_and_unsubscribes_on_shutdown() {
    let (redis, source, workdir) = (RedisServer::start(), Source::start(), WorkDir::new());
    let host = source.host(&workdir, &redis.url());
    let listeners = || {
        let counted = redis.command::<(String, usize)>(&["PUBSUB", "NUMSUB", "kiwi:{airlines}:ask"]);
        counted.expect("an answer").1
    };
    eventually("the host listens", || (listeners() == 1).then_some(()));
    assert_eq!(redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]), Ok(1));
    eventually("the host listens again", || (listeners() == 1).then_some(()));
    // Requests for a map that is already published load nothing.
    for _ in 0..1_000 {
        assert_eq!(redis.command(&["PUBLISH", "kiwi:{airlines}:ask", ""]), Ok(1));
    }
    host.signal(rustix::process::Signal::TERM);
    host.wait().expect(0);
    assert_eq!((listeners(), source.asked()), (0, 1));
}

#[test]
fn a_host_that_may_not_subscribe_reports_it_once_and_polls_instead() {
    let (redis, source, workdir) = (RedisServer::start(), Source::start(), WorkDir::new());
    let rules = ["ACL", "SETUSER", "host", "on", ">secret", "~kiwi:*", "&kiwi:*", "+@all", "-subscribe"];
    redis.command::<()>(&rules).expect("an answer");
    let mut host = source.host(&workdir, &format!("redis://host:secret@127.0.0.1:{}", redis.port()));
    assert!(host.wait_for_log("are noticed within a second").contains("+subscribe"));
    redis.command::<()>(&["FLUSHALL"]).expect("an answer");
    let airlines = blocking::Cache::<Airline>::builder("airlines").store(redis.url()).refill_timeout(LONG);
    let airlines = airlines.reload_ttl(Duration::from_secs(600)).start_missing().connect().expect("a reader");
    assert_eq!(airlines.get_or_refill("FR").expect("an airline").expect("Ryanair").name, "Ryanair");
    assert_eq!(host.stderr().matches("are noticed within a second").count(), 1);
}
