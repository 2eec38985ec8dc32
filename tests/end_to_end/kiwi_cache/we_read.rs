//! How we read the records that Python saves.

use kiwi_cache::Cache;
use kiwi_cache::blocking;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Airlines, RECORD, record};
use crate::redis_server::RedisServer;
use crate::support::Python;

#[tokio::test(flavor = "multi_thread")]
async fn we_read_records_of_python() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
    python.source_gives(
        r#"{ "FR": {"name": "Ryanair", "price": 1.10}, "QS": {"name": "Škoda ✈", "fleet": null},
             "big": 1180591620717411303424, "nested": [{"a": []}, -0.0] }"#,
    );
    python.refill().unwrap();

    let airlines = Airlines::new(&redis, "record", "");
    let values = [
        r#"{"name": "Ryanair", "price": 1.10}"#,
        r#"{"name": "\u0160koda \u2708", "fleet": null}"#,
        "1180591620717411303424",
        r#"[{"a": []}, -0.0]"#,
    ];
    let keys = ["FR", "QS", "big", "nested"];
    let lines: String = keys.iter().zip(values).map(|(key, value)| format!("{key}\t{value}\n")).collect();
    assert_eq!(airlines.dump(), lines);
    assert_eq!(airlines.0.run(&["get", "airlines", "nested"]).expect(0).stdout, "[{\"a\": []}, -0.0]\n");
    airlines.0.run(&["get", "airlines", "nobody"]).expect(2);

    let cache: Cache<Box<RawValue>> =
        Cache::builder("airlines").store(redis.url()).layout(record()).connect().await.unwrap();
    let snapshot = cache.snapshot().unwrap();
    assert_eq!(keys.map(|key| snapshot[key].get()), values);
}

#[test]
fn we_read_objects_of_python() {
    let redis = RedisServer::start();
    Python::start(&redis, "Fares", &json!({})).refill().unwrap();
    let reader = blocking::Cache::builder("fares")
        .store(redis.url())
        .layout(kiwi_store::Layout::Record("Fares".parse().unwrap()));
    let fares: blocking::Cache<Box<RawValue>> = reader.connect().unwrap();
    let fare = |key| fares.get(key).unwrap().map(|fare| fare.get().to_owned());
    assert_eq!(fare("decimal").as_deref(), Some("1.10"), "a Decimal keeps its digits");
    assert_eq!(fare("big").as_deref(), Some("1180591620717411303424"));
    assert_eq!(fare("datetime").as_deref(), Some(r#""2019-07-01 12:30:00""#));
    assert_eq!(fare("set").as_deref(), Some(r#"["Y"]"#));
    let attrs = r#"{"price": 1.10, "valid_from": "2019-07-01", "classes": ["Y"], "api_token": "s3cret"}"#;
    assert_eq!(fare("PRG-STN").as_deref(), Some(attrs));
}

#[test]
fn we_read_a_table_that_sqlalchemy_resource_saved() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Route {
        code: String,
        distance: f64,
        seats: Option<u32>,
    }
    let redis = RedisServer::start();
    Python::start(&redis, "Routes", &json!({})).refill().unwrap();
    let reader = blocking::Cache::builder("routes")
        .store(redis.url())
        .layout(kiwi_store::Layout::Record("Routes".parse().unwrap()));
    let routes: blocking::Cache<Route> = reader.connect().unwrap();
    let brno = Route { code: "BRQ-BGY".to_owned(), distance: 640.25, seats: None };
    assert_eq!((routes.snapshot().unwrap().len(), routes.get("BRQ-BGY").unwrap().as_deref()), (3, Some(&brno)));
}

#[test]
fn a_record_with_another_field_is_missing_for_both() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
    python.source(json!({ "error": "the source is down" }));
    let airlines = Airlines::new(&redis, "record", "");
    for record in [
        r#"{"data": {"FR": 1}, "timestamp": 1.5, "version": 2}"#,
        r#"{"data": {"FR": 1}}"#,
        r#"{"timestamp": 1.5}"#,
        "{}",
    ] {
        redis.command::<()>(&["SET", RECORD, record, "EX", "60"]).unwrap();
        assert_eq!(python.get("FR"), Err("KeyError: 'FR'".to_owned()), "{record}");
        airlines.0.run(&["get", "airlines", "FR"]).expect(2);
    }
}

#[test]
fn an_invalid_record_raises_in_python_and_is_an_error_for_us() {
    let redis = RedisServer::start();
    let mut python = Python::start(&redis, "Airlines", &json!({ "suffix": "eu" }));
    let airlines = Airlines::new(&redis, "record", "");
    for (record, raised) in [
        (r#"{"data": {"FR": 1}, "timest"#, "JSONDecodeError"),
        (r#"{"data": {"FR": 1}, "timestamp": 1.5} x"#, "JSONDecodeError"),
        ("[1]", "AttributeError"),
    ] {
        redis.command::<()>(&["SET", RECORD, record, "EX", "60"]).unwrap();
        let error = python.get("FR").unwrap_err();
        assert!(error.starts_with(raised), "{record}: {error}");
        let stderr = airlines.0.run(&["get", "airlines", "FR"]).expect(1).stderr;
        assert!(stderr.contains("cache `airlines`") && stderr.contains(RECORD), "{record}: {stderr}");
    }
}
