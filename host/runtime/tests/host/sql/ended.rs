//! What a server does for a load ends with the load.

use std::time::{Duration, Instant};

use kiwi_host::{CacheConfig, FailureKind};
use serde_json::json;

use super::databases::{PgBouncer, Postgres};
use super::{Database, failure, rows};
use crate::support::{Setup, eventually, name};

fn slow(url: &str, statement: &str) -> CacheConfig {
    let mut config = rows(url, json!({ "query": statement, "key": "k" }));
    config.limits.load_timeout = Duration::from_millis(700);
    config
}

fn statements(database: &Database) -> &'static [&'static str] {
    match database {
        Database::Postgres(_) => &[
            "SELECT pg_sleep(300)::text AS k",
            "SELECT a.n * b.n + c.n AS k FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n), \
             generate_series(1, 100) c(n) WHERE a.n * b.n < 0",
        ],
        Database::MariaDb(_) => &[
            "SELECT sleep(300) AS k",
            "SELECT a.seq * b.seq AS k FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE a.seq * b.seq < 0",
        ],
        Database::Sqlite(_) => {
            &["WITH RECURSIVE c(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM c) SELECT k FROM c WHERE k < 0"]
        }
    }
}

fn busy(database: &Database) -> u32 {
    match database {
        Database::Postgres(database) => database.busy(),
        Database::MariaDb(database) => database.busy(),
        Database::Sqlite(_) => 0,
    }
}

/// All statements here run for minutes.
async fn is_idle_soon(database: &Database, statement: &str) {
    eventually(&format!("{database:?} does nothing after {statement}"), async || busy(database) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_past_its_deadline_ends_on_the_server() {
    for database in Database::each() {
        for statement in statements(&database) {
            let began = Instant::now();
            let failure = failure(&Setup::new(), slow(&database.url(), statement)).await;
            assert_eq!(failure.kind, FailureKind::Limit, "{database:?}: {failure}");
            assert!(failure.message.contains("database `shop`"), "{database:?}: {failure}");
            assert!(began.elapsed() < Duration::from_secs(60), "{database:?}: {:?}", began.elapsed());
            is_idle_soon(&database, statement).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_past_its_deadline_ends_behind_a_pgbouncer() {
    let postgres = Postgres::shared();
    let database = Database::postgres();
    let Database::Postgres(of_postgres) = &database else { unreachable!() };
    let bouncer = PgBouncer::start(postgres, of_postgres);
    for statement in statements(&database) {
        let failure = failure(&Setup::new(), slow(&bouncer.url(of_postgres), statement)).await;
        assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
        is_idle_soon(&database, statement).await;
    }
    database.sql(super::AIRLINES);
    let config = rows(&bouncer.url(of_postgres), json!({ "table": "kiwi_airlines", "key": "code" }));
    for _ in 0..3 {
        assert_eq!(super::published(&Setup::new(), config.clone()).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stops_leaves_no_query_behind() {
    for database in [Database::postgres(), Database::mariadb()] {
        let mut config = slow(&database.url(), statements(&database)[0]);
        config.limits.load_timeout = Duration::from_secs(60);
        let setup = Setup::new();
        let host = setup.host([config]).await;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running =
            tokio::spawn(async move { host.run(async { stopped.await.unwrap_or_default() }, Duration::ZERO).await });
        eventually("the query runs", async || busy(&database) == 1).await;
        stop.send(()).unwrap();
        running.await.unwrap();
        // The host has told the server before it returned.
        is_idle_soon(&database, "at the stop").await;
        assert!(setup.is_missing(&name("rows")).await);
    }
}

/// The server does not let the host in a second time to end a query; so it ends it by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_killed_ends_by_itself() {
    let database = Database::mariadb();
    let Database::MariaDb(of_mariadb) = &database else { unreachable!() };
    for host in ["127.0.0.1", "localhost"] {
        database.sql(&format!("ALTER USER {}@'{host}' WITH MAX_USER_CONNECTIONS 1", of_mariadb.name()));
    }
    let failure = failure(&Setup::new(), slow(&database.url(), statements(&database)[1])).await;
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    eventually("the server does nothing", async || busy(&database) == 0).await;
}

#[tokio::test]
async fn the_shorter_of_the_hosts_and_the_operators_time_is_the_servers() {
    let (postgres, mariadb) = (Database::postgres(), Database::mariadb());
    let setting = |database: &Database| match database {
        Database::Postgres(_) => "SELECT current_setting('statement_timeout') AS k",
        _ => "SELECT CAST(@@max_statement_time AS char) AS k",
    };
    let limit = async |database: &Database| {
        let mut config = rows(&database.url(), json!({ "query": setting(database), "key": "k" }));
        config.limits.load_timeout = Duration::from_secs(60);
        super::published(&Setup::new(), config).await.into_keys().next().unwrap()
    };
    assert_eq!((limit(&postgres).await, limit(&mariadb).await), ("61s".to_owned(), "61.000000".to_owned()));
    let (Database::Postgres(of_postgres), Database::MariaDb(of_mariadb)) = (&postgres, &mariadb) else {
        unreachable!()
    };
    postgres.sql(&format!("ALTER ROLE {} SET statement_timeout = '45s'", of_postgres.name()));
    for host in ["127.0.0.1", "localhost"] {
        mariadb.sql(&format!("ALTER USER {}@'{host}' WITH MAX_STATEMENT_TIME 45", of_mariadb.name()));
    }
    assert_eq!((limit(&postgres).await, limit(&mariadb).await), ("45s".to_owned(), "45.000000".to_owned()));
}
