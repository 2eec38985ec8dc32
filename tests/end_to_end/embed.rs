//! The service of `examples/embed`, which loads its own airlines and serves them over HTTP.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::redis_server::RedisServer;
use crate::support::{LONG, Running, WorkDir};

/// A response of the service.
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    fn seq(&self) -> u64 {
        self.headers["x-kiwi-seq"].parse().expect("a number")
    }

    fn age(&self) -> Duration {
        Duration::from_secs_f64(self.headers["x-kiwi-age"].parse().expect("a number of seconds"))
    }
}

/// A running service and its address.
struct Service {
    running: Running,
    address: String,
}

impl Service {
    fn start(workdir: &WorkDir, redis: &RedisServer) -> Self {
        let mut running = workdir.start_embed(&redis.url());
        let line = running.wait_for_log("listening on http://");
        let (_, address) = line.split_once("http://").expect("it was found by this");
        let address = address.trim().to_owned();
        Self { running, address }
    }

    fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).expect("the service listens");
        stream.set_read_timeout(Some(LONG)).expect("a socket has timeouts");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let (status, headers) = head.split_once("\r\n").expect("a status line and headers");
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        Answer {
            status: status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    /// One airline, which must be served whatever happens to Redis.
    #[track_caller]
    fn ryanair(&self) -> Answer {
        let answer = self.get("/airlines/FR");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let airline: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!((&airline["iata"], &airline["name"]), (&"FR".into(), &"Ryanair".into()));
        answer
    }
}

#[test]
fn a_service_serves_what_it_loads_itself_also_after_a_flush() {
    let redis = RedisServer::start();
    let workdir = WorkDir::new();
    let service = Service::start(&workdir, &redis);
    // The first request finds nothing in Redis, so it waits for the load.
    let first = service.ryanair();
    assert_eq!((first.seq(), first.headers["x-kiwi-state"].as_str()), (1, "fresh"));
    assert_eq!(first.headers["content-type"], "application/json");
    let unknown = service.get("/airlines/no-airline");
    assert_eq!((unknown.status, unknown.seq()), (404, 1));
    workdir.run(&["get", "airlines", "FR", "--store", &redis.url()]).expect(0);

    redis.command::<()>(&["FLUSHALL"]).expect("an answer");
    let flushed = Instant::now();
    let newer = loop {
        let answer = service.ryanair();
        if answer.seq() > first.seq() {
            break answer;
        }
        assert!(flushed.elapsed() < LONG, "still the map from before FLUSHALL");
        std::thread::sleep(Duration::from_millis(5));
    };
    let after = flushed.elapsed();
    println!(
        "FLUSHALL: the service had newer airlines after {after:.1?}, {:?} old, and answered every request",
        newer.age()
    );
    assert!(after < Duration::from_secs(15), "{after:?}");
    assert!(newer.age() < Duration::from_secs(15), "{:?}", newer.age());
}

#[test]
fn two_services_share_the_work_and_stop_on_a_signal() {
    let redis = RedisServer::start();
    let workdir = WorkDir::new();
    let services = [Service::start(&workdir, &redis), Service::start(&workdir, &redis)];
    // One of them has loaded; both serve the same map.
    assert_eq!(services.each_ref().map(|service| service.ryanair().seq()), [1, 1]);
    for (service, signal) in services.into_iter().zip([Signal::TERM, Signal::INT]) {
        service.running.signal(signal);
        service.running.wait().expect(0);
    }
    let held: u32 = redis.command(&["HEXISTS", "kiwi:{airlines}:lease", "token"]).expect("an answer");
    assert_eq!(held, 0, "the lease is released");
}
