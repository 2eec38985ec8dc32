//! What a server does for a load ends with the load.

use std::time::{Duration, Instant};

use kiwi_host::{CacheConfig, FailureKind};
use serde_json::json;

use super::databases::{PgBouncer, Postgres};
use super::{Database, failure, rows};
use crate::support::{Setup, eventually, name};

/// How long the server may take to notice.
const SOON: Duration = Duration::from_secs(1);

fn slow(url: &str, statement: &str) -> CacheConfig {
    let mut config = rows(url, json!({ "query": statement, "key": "k" }));
    config.limits.load_timeout = Duration::from_millis(700);
    config
}

fn statements(database: &Database) -> &'static [&'static str] {
    match database {
        Database::Postgres(_) => &[
            "SELECT pg_sleep(30)::text AS k",
            "SELECT a.n * b.n + c.n AS k FROM generate_series(1, 100000) a(n), generate_series(1, 100000) b(n), \
             generate_series(1, 100) c(n) WHERE a.n * b.n < 0",
        ],
        Database::MariaDb(_) => &[
            "SELECT sleep(30) AS k",
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

async fn is_idle_soon(database: &Database, statement: &str) {
    let ended = Instant::now();
    eventually("the server does nothing", async || busy(database) == 0).await;
    assert!(ended.elapsed() < SOON + Duration::from_millis(500), "{database:?}: {statement}: {:?}", ended.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_past_its_deadline_ends_on_the_server() {
    for database in Database::each() {
        for statement in statements(&database) {
            let began = Instant::now();
            let failure = failure(&Setup::new(), slow(&database.url(), statement)).await;
            assert_eq!(failure.kind, FailureKind::Limit, "{database:?}: {failure}");
            assert!(failure.message.contains("database `shop`"), "{database:?}: {failure}");
            assert!(began.elapsed() < Duration::from_secs(10), "{database:?}: {:?}", began.elapsed());
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
