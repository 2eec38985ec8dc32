//! The metrics that the command sends to statsd.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::redis_server::RedisServer;
use crate::support::{LONG, WorkDir, guest, numbers};

/// Receives until a line with each of these prefixes has arrived, and returns these lines.
fn receive<const N: usize>(statsd: &UdpSocket, wanted: [&str; N]) -> [String; N] {
    let mut received: BTreeMap<&str, String> = BTreeMap::new();
    let mut buffer = [0; 65_536];
    let deadline = Instant::now() + LONG;
    while received.len() < N {
        assert!(Instant::now() < deadline, "of {wanted:?} only {received:?} arrived");
        let Ok(length) = statsd.recv(&mut buffer) else { continue };
        for line in String::from_utf8_lossy(&buffer[..length]).lines() {
            if let Some(wanted) = wanted.iter().find(|wanted| line.starts_with(**wanted)) {
                received.entry(wanted).or_insert_with(|| line.to_owned());
            }
        }
    }
    wanted.map(|wanted| received[wanted].clone())
}

#[test]
fn statsd_gets_the_outcomes_of_refills() {
    let redis = RedisServer::start();
    let statsd = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
    statsd.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    let address = statsd.local_addr().expect("its address");
    let config = numbers(&redis, 1_000, "");
    let trap = guest("trap");
    let workdir = WorkDir::with(&format!("statsd = \"udp://{address}\"\n{config}[cache.broken]\nplugin = {trap:?}\n"));
    let _host = workdir.start(&["run"]);
    let lines = receive(
        &statsd,
        [
            "kiwicache:1|c|#name:numbers,status:success",
            "kiwicache:1|c|#name:broken,status:load_error",
            "kiwicache.entries:1000|g|#name:numbers",
            "kiwicache.bytes:",
            "kiwicache.load:",
            "kiwicache.publish:",
            "kiwicache.age:",
        ],
    );
    for line in &lines {
        println!("{line}");
    }
    for (line, kind) in lines[3..].iter().zip(["|g|", "|ms|", "|ms|", "|g|"]) {
        assert!(line.contains(&format!("{kind}#name:numbers")), "{line}");
    }
}

#[test]
fn an_unreachable_store_is_counted_and_an_unreachable_statsd_is_ignored() {
    let mut redis = RedisServer::start();
    let statsd = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
    let address = statsd.local_addr().expect("its address");
    let workdir = WorkDir::with(&format!("statsd = \"udp://{address}\"\n{}", numbers(&redis, 1_000, "")));
    redis.kill();
    let host = workdir.start(&["run"]);
    receive(&statsd, ["kiwicache:1|c|#name:numbers,status:redis_error"]);
    drop((host, statsd));
    redis.restart();
    assert!(redis.is_ready());
    workdir.run(&["run", "--once"]).expect(0);
}
