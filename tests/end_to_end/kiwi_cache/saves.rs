//! What the real kiwi-cache saves, as documented in docs/migrating.md.

use serde_json::json;

use crate::redis_server::RedisServer;
use crate::support::Python;

#[test]
fn the_real_kiwi_cache_saves_what_it_is_documented_to() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu", "reload_ttl": 60 }));
    python.source(json!({ "data": { "FR": "Ryanair" } }));
    assert_eq!(python.get("FR"), Ok(r#""Ryanair""#.to_owned()));
    assert_eq!(python.get("XX"), Err("KeyError: 'XX'".to_owned()));
    assert_eq!((python.loads(), python.statuses("Airlines")), (1, vec!["success".to_owned()]));

    let record: String = redis.command(&["GET", "resource:Airlines:eu"]).unwrap();
    let timestamp =
        record.strip_prefix(r#"{"data": {"FR": "Ryanair"}, "timestamp": "#).unwrap().strip_suffix('}').unwrap();
    assert!(timestamp.parse::<f64>().unwrap() > 1.7e9, "{record}");
    let ttl: u32 = redis.command(&["TTL", "resource:Airlines:eu"]).unwrap();
    assert!((590..=600).contains(&ttl), "10 x reload_ttl: {ttl}");
    assert_eq!(redis.command(&["EXISTS", "lock:Airlines:eu"]), Ok(0));
}

#[test]
fn the_real_kiwi_cache_saves_objects_of_python_as_json() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Fares", &json!({}));
    python.refill().unwrap();
    let record: String = redis.command(&["GET", "resource:Fares"]).unwrap();
    let data = r#"{"data": {"PRG-STN": {"price": 1.10, "valid_from": "2019-07-01", "classes": ["Y"], "api_token": "s3cret"}, "decimal": 1.10, "big": 1180591620717411303424, "datetime": "2019-07-01 12:30:00", "set": ["Y"]}, "#;
    assert!(record.starts_with(data), "{record}");
    let dump = python.dump().unwrap();
    assert!(
        dump.contains(r#""price": 1.1, "#),
        "a Decimal keeps its digits in Redis, and is a float when read: {dump}"
    );
}
