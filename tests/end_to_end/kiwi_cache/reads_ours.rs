//! How Python reads the records that we publish.

use std::time::Duration;

use serde_json::json;

use super::{Airlines, RECORD, raw, ttl};
use crate::redis_server::RedisServer;
use crate::support::Python;

/// JSON that is easy to get wrong.
const TRICKY: &str = r#"{"unicode": {"name": "Škoda ✈ 日本 \u00e9\n\"\\"}, "floats": [1.10, -0.0, 1e300, 2.5e-8],
    "big": 1180591620717411303424, "null": null, "nested": {"a": [{"b": [[], {}, [true, false]]}]}, "text": "Ryanair"}"#;

/// The same, as Python writes it.
const TRICKY_IN_PYTHON: [&str; 6] = [
    r#""unicode": {"name": "Škoda ✈ 日本 é\n\"\\"}"#,
    r#""floats": [1.1, -0.0, 1e+300, 2.5e-08]"#,
    r#""big": 1180591620717411303424"#,
    r#""null": null"#,
    r#""nested": {"a": [{"b": [[], {}, [true, false]]}]}"#,
    r#""text": "Ryanair""#,
];

#[test]
fn python_reads_our_records() {
    for layout in ["record", "both"] {
        let redis = RedisServer::start();
        let airlines = Airlines::new(&redis, layout, "");
        airlines.publish(TRICKY);
        let record = raw(&redis);
        assert!(record.contains("1.10") && record.contains("1180591620717411303424"), "digits are kept: {record}");

        let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
        let dump = python.dump().unwrap();
        for member in TRICKY_IN_PYTHON {
            assert!(dump.contains(member), "{layout}: {member} is not in {dump}");
        }
        assert_eq!(python.get("text"), Ok(r#""Ryanair""#.to_owned()));
        assert_eq!(python.get("nobody"), Err("KeyError: 'nobody'".to_owned()));
        assert_eq!((python.loads(), python.statuses("Airlines")), (0, vec![]), "{layout}: it did not load");
    }
}

#[test]
fn python_reads_our_empty_map() {
    let redis = RedisServer::start();
    Airlines::new(&redis, "record", "allow_empty_data = true").publish("{}");
    for allow_empty_data in [true, false] {
        let mut python =
            Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "allow_empty_data": allow_empty_data }));
        assert_eq!(python.dump(), Ok("{}".to_owned()));
        assert_eq!(python.get("FR"), Err("KeyError: 'FR'".to_owned()));
        assert_eq!(python.loads(), 0, "allow_empty_data {allow_empty_data}");
    }
}

#[test]
fn a_record_expires_after_cache_ttl() {
    for (timing, seconds) in [("cache_ttl = \"1h\"", 3600), ("reload_ttl = \"2m\"", 1200)] {
        let redis = RedisServer::start();
        Airlines::new(&redis, "record", timing).publish(r#"{"FR": "Ryanair"}"#);
        let (least, most) = (Duration::from_secs(seconds - 60), Duration::from_secs(seconds));
        assert!((least..=most).contains(&ttl(&redis)), "{timing}: {:?}", ttl(&redis));
    }
    let redis = RedisServer::start();
    Airlines::new(&redis, "record", "cache_ttl = \"none\"").publish(r#"{"FR": "Ryanair"}"#);
    assert_eq!(redis.command(&["PTTL", RECORD]), Ok(-1), "never expires");
}

#[test]
fn an_unchanged_refill_does_not_write_the_record_but_extends_its_ttl() {
    let redis = RedisServer::start();
    let airlines = Airlines::new(&redis, "record", "");
    airlines.publish(r#"{"FR": "Ryanair"}"#);
    let (before, _) = (raw(&redis), redis.command::<()>(&["PEXPIRE", RECORD, "60000"]).unwrap());
    redis.command::<()>(&["CONFIG", "RESETSTAT"]).unwrap();

    airlines.0.run(&["refill", "airlines"]).expect(0);
    assert_eq!(raw(&redis), before, "the timestamp is that of saving");
    assert!(ttl(&redis) > Duration::from_secs(540), "{:?}", ttl(&redis));
    let statistics: String = redis.command(&["INFO", "commandstats"]).unwrap();
    for write in ["append", "setrange", "rename", "set"] {
        // The lock is set too, once.
        let calls = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{write}:calls=")));
        let calls = calls.and_then(|calls| calls.split(',').next()).unwrap_or("0");
        assert_eq!(calls, if write == "set" { "1" } else { "0" }, "{write}: {statistics}");
    }
}
