//! Databases that are away, refuse, or change under a load: nothing is published, and nothing stops for good.

use std::time::Duration;

use kiwi_host::{Connection, DatabaseUrl, FailureKind};
use serde_json::json;

use super::databases::Postgres;
use super::{AIRLINES, Database, failure, published, rows, with_connection};
use crate::support::{Setup, assert_failure, cache, eventually, guest, name};

#[tokio::test]
async fn a_server_that_does_not_listen_is_unavailable() {
    for url in ["postgres://u:s3cret@127.0.0.1:1/d", "mysql://u:s3cret@127.0.0.1:1/d", "sqlite:/nowhere/a.db"] {
        let failure = failure(&Setup::new(), rows(url, json!({ "table": "t", "key": "k" }))).await;
        assert_failure(&failure, FailureKind::Unavailable, &["database `shop`"]);
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_wrong_url_says_what_was_expected_and_not_what_it_is() {
    for (url, says) in [
        ("postgres://u:s3cret@h:port/d", "not valid"),
        ("postgres://:s3cret@h/d", "names no user"),
        ("mysql://u:s3cret@h:port/d", "not valid"),
        ("oracle://u:s3cret@h/d", "not one of a database"),
        ("s3cret", "not one of a database"),
        ("postgres://u:s3cret@h/d?sslmode=prefer", "expected `verify-full`"),
        ("sqlite:", "names no file"),
    ] {
        let failure = failure(&Setup::new(), rows(url, json!({ "table": "t", "key": "k" }))).await;
        assert_failure(&failure, FailureKind::InvalidSettings, &["database `shop`", says]);
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_among_the_rows_publishes_nothing() {
    let mut postgres = Postgres::start(&[]);
    let url = {
        let database = postgres.database();
        database.sql("CREATE TABLE big AS SELECT n AS k, repeat('x', 200) AS v FROM generate_series(1, 800000) n");
        database.sql(&format!("GRANT SELECT ON big TO {}", database.name()));
        database.url()
    };
    let setup = Setup::new();
    let mut config = rows(&url, json!({ "table": "big", "key": "k" }));
    config.limits.total_bytes = 1 << 30;
    let host = setup.host([config.clone()]).await;
    let cache = name("rows");
    let progress = host.instances()[0].clone();
    let loading = tokio::spawn(async move { crate::support::refill(&host, &cache).await });
    eventually("rows arrive", async || progress.progress().entries() > 1000).await;
    postgres.stop();
    let outcome = loading.await.unwrap();
    let kiwi_host::Outcome::Failed(failure) = outcome else { panic!("expected a failure, got {outcome:?}") };
    assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
    assert!(setup.is_missing(&name("rows")).await);
    postgres.restart();
    assert_eq!(published(&setup, config).await.len(), 800_000);
}

#[tokio::test]
async fn too_many_connections_are_tried_again() {
    let postgres = Postgres::start(&["max_connections = 4", "superuser_reserved_connections = 1"]);
    let database = postgres.database();
    database.sql(AIRLINES);
    let config = rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code" }));
    database.sql(&format!("ALTER ROLE {} CONNECTION LIMIT 0", database.name()));
    let failure = failure(&Setup::new(), config.clone()).await;
    assert_failure(&failure, FailureKind::Unavailable, &["too many connections", "53300"]);
    database.sql(&format!("ALTER ROLE {} CONNECTION LIMIT -1", database.name()));
    assert_eq!(published(&Setup::new(), config).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_wait_for_a_free_connection() {
    let database = Database::postgres();
    let Database::Postgres(of_postgres) = &database else { unreachable!() };
    let connection = |timeout| Connection {
        max_connections: std::num::NonZeroUsize::MIN,
        timeout,
        ..Connection::new("shop", DatabaseUrl::Plain(database.url())).unwrap()
    };
    let settings = json!({ "connection": "shop", "query": "SELECT pg_sleep(0.3)::text || random() AS k", "key": "k" });
    let caches: Vec<_> = (0..4)
        .map(|n| kiwi_host::CacheConfig {
            name: name(&format!("rows-{n}")),
            ..with_connection(connection(None), settings.clone())
        })
        .collect();
    let setup = Setup::new();
    let host = setup.host(caches).await;
    let names: Vec<_> = (0..4).map(|n| name(&format!("rows-{n}"))).collect();
    let loads = futures_util::future::join_all(names.iter().map(|name| crate::support::refill(&host, name)));
    let watch = async {
        let mut most = 0;
        for _ in 0..40 {
            most = most.max(of_postgres.busy());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        most
    };
    let (outcomes, most) = tokio::join!(loads, watch);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, kiwi_host::Outcome::Published { .. })), "{outcomes:?}");
    assert_eq!(most, 1, "one connection at a time");

    let slow = json!({ "connection": "shop", "query": "SELECT pg_sleep(60)::text AS k", "key": "k" });
    let failure = failure(&Setup::new(), with_connection(connection(Some(Duration::from_secs(3))), slow)).await;
    assert_failure(
        &failure,
        FailureKind::Unavailable,
        &["no answer of the database `shop` within 3s", "[connections.shop]"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_finds_no_free_connection_says_so_and_a_new_definition_counts_by_itself() {
    let database = Database::postgres();
    let Database::Postgres(of_postgres) = &database else { unreachable!() };
    let connection = |max_connections| Connection {
        max_connections: std::num::NonZeroUsize::new(max_connections).unwrap(),
        timeout: Some(Duration::from_secs(8)),
        ..Connection::new("shop", DatabaseUrl::Plain(database.url())).unwrap()
    };
    // Each answer has about a hundred of its rows, which takes a fifth of a second.
    let long = "SELECT n AS k, repeat('x', 2600) AS v, pg_sleep(0.002)::text AS s FROM generate_series(1, 20000) AS n";
    let named = |cache: &str, max_connections, query: &str| kiwi_host::CacheConfig {
        name: name(cache),
        ..with_connection(connection(max_connections), json!({ "connection": "shop", "query": query, "key": "k" }))
    };
    let short = "SELECT 1 AS k";
    let setup = Setup::new();
    let caches = [named("long", 1, long), named("short", 1, short), named("wider", 2, short)];
    let host = std::sync::Arc::new(setup.host(caches).await);
    let loading = tokio::spawn({
        let host = host.clone();
        async move { crate::support::refill(&host, &name("long")).await }
    });
    eventually("it is connected", async || of_postgres.connections() == 1).await;
    let kiwi_host::Outcome::Failed(failure) = crate::support::refill(&host, &name("short")).await else {
        panic!("the only connection is in use");
    };
    let says = ["no free connection within 8s: other loads use all 1", "raise `max_connections` in [connections.shop]"];
    assert_failure(&failure, FailureKind::Unavailable, &says);
    let outcome = crate::support::refill(&host, &name("wider")).await;
    assert!(matches!(outcome, kiwi_host::Outcome::Published { .. }), "{outcome:?}");
    assert!(!loading.is_finished());
    loading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_good_for_more_after_a_query_that_took_too_long() {
    let server = Postgres::start(&["max_prepared_transactions = 1"]);
    let database = server.database();
    database.sql(AIRLINES);
    // To prepare a query of a locked table waits for the lock.
    database.sql("BEGIN; LOCK TABLE kiwi_airlines; PREPARE TRANSACTION 'locking'");
    let timeout = Duration::from_secs(2);
    let connection =
        Connection { timeout: Some(timeout), ..Connection::new("shop", DatabaseUrl::Plain(database.url())).unwrap() };
    let config = kiwi_host::CacheConfig {
        grants: kiwi_host::Grants { connections: vec![connection], ..kiwi_host::Grants::default() },
        ..cache("rows", guest("sql_again"), json!({ "slow": "SELECT * FROM kiwi_airlines" }))
    };
    let loading = tokio::spawn(published_here(config));
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    eventually("the query waits", async || database.sql(waits) == "1").await;
    // The host's clock began before: it is over first.
    tokio::time::sleep(timeout + Duration::from_secs(1)).await;
    database.sql("ROLLBACK PREPARED 'locking'");
    assert_eq!(loading.await.unwrap(), ["again"]);
}

async fn published_here(config: kiwi_host::CacheConfig) -> Vec<String> {
    published(&Setup::new(), config).await.into_keys().collect()
}

#[tokio::test]
async fn a_table_that_is_gone_for_a_moment_stops_nothing() {
    for database in Database::each() {
        database.sql(AIRLINES);
        let setup = Setup::new();
        let config = rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code", "mark": "none" }));
        assert_eq!(published(&setup, config.clone()).await.len(), 2);
        database.sql("ALTER TABLE kiwi_airlines RENAME TO moved");
        assert_eq!(failure(&setup, config.clone()).await.kind, FailureKind::Other, "{database:?}");
        assert_eq!(setup.published(&name("rows")).await.len(), 2, "{database:?}: what is published stays");
        database.sql("ALTER TABLE moved RENAME TO kiwi_airlines");
        assert_eq!(published(&setup, config).await.len(), 2, "{database:?}");
    }
}
