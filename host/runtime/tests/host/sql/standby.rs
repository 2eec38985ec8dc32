//! Standbys of a PostgreSQL, copies of one, and several hosts of one URL.

use std::net::TcpListener;

use kiwi_host::{FailureKind, Host, Outcome};
use serde_json::{Value, json};

use super::databases::{Postgres, PostgresDatabase};
use super::{AIRLINES, failure, published, rows};
use crate::support::{Setup, assert_failure, eventually, name, refill};

/// Without what begins transactions by itself.
const QUIET: &[&str] = &["autovacuum = off", "max_prepared_transactions = 5"];

fn airlines() -> Value {
    json!({ "table": "kiwi_airlines", "key": "code" })
}

/// Waits until a standby has what its primary has committed.
async fn has_caught_up(standby: &PostgresDatabase<'_>, primary: &PostgresDatabase<'_>) {
    let position = primary.sql("SELECT pg_current_wal_lsn()");
    let has = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
    eventually("the standby has caught up", async || standby.sql(&has) == "t").await;
}

async fn loaded(host: &Host) -> Outcome {
    let outcome = refill(host, &name("rows")).await;
    assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{outcome:?}");
    outcome
}

/// A URL with the hosts of several servers, and more of what a URL may have.
fn url_of(database: &PostgresDatabase<'_>, ports: &[u16], more: &str) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let (name, password) = (database.name(), database.password());
    format!("postgres://{name}:{password}@{}/{name}{more}", hosts.join(","))
}

#[tokio::test]
async fn a_change_is_not_missed_on_a_standby_nor_when_it_is_promoted() {
    let primary = Postgres::start(QUIET);
    let database = primary.database();
    database.sql(AIRLINES);
    let standby = primary.standby(&[]);
    let there = database.at(&standby);
    let setup = Setup::new();
    let host = setup.host([rows(&there.url(), airlines())]).await;
    let mark = async || setup.head(&name("rows")).await.mark.clone();
    let seats = async |code: &str| setup.published(&name("rows")).await[code]["seats"].clone();
    has_caught_up(&there, &database).await;
    loaded(&host).await;
    assert!(mark().await.is_some(), "where nothing is under way, the standby has a moment");

    // Two transactions are under way while a later one ends. On a standby, the snapshot looks the same before and after the
    // second one ends.
    for (code, seats, transaction) in [("LH", 1, "first"), ("FR", 2, "second")] {
        database.sql(&format!(
            "BEGIN; UPDATE kiwi_airlines SET seats = {seats} WHERE code = '{code}'; PREPARE TRANSACTION '{transaction}'"
        ));
    }
    database.sql("INSERT INTO kiwi_airlines VALUES ('AF', 'Air France', 3)");
    has_caught_up(&there, &database).await;
    loaded(&host).await;
    assert_eq!((seats("AF").await, mark().await), (json!(3), None));
    for (code, expected, transaction) in [("FR", 2, "second"), ("LH", 1, "first")] {
        database.sql(&format!("COMMIT PREPARED '{transaction}'"));
        has_caught_up(&there, &database).await;
        loaded(&host).await;
        assert_eq!(seats(code).await, json!(expected));
    }
    assert!(mark().await.is_some());

    assert_eq!(there.sql("SELECT pg_promote()"), "t");
    loaded(&host).await;
    there.sql("UPDATE kiwi_airlines SET seats = 4 WHERE code = 'FR'");
    loaded(&host).await;
    assert_eq!(seats("FR").await, json!(4));
}

#[tokio::test]
async fn a_copy_of_a_server_has_other_moments() {
    let mut primary = Postgres::start(QUIET);
    let (url, copy, there) = {
        let database = primary.database();
        database.sql(AIRLINES);
        let copy = primary.copy(&[]);
        let url = url_of(&database, &[primary.port(), copy.port()], "");
        // Each of them gives the same number to another transaction.
        database.sql("UPDATE kiwi_airlines SET seats = 1 WHERE code = 'FR'");
        let there = "UPDATE kiwi_airlines SET seats = 2 WHERE code = 'FR'";
        database.at(&copy).sql(there);
        let snapshot = "SELECT pg_current_snapshot()";
        assert_eq!(database.sql(snapshot), database.at(&copy).sql(snapshot));
        (url, copy, there)
    };
    let setup = Setup::new();
    let host = setup.host([rows(&url, airlines())]).await;
    loaded(&host).await;
    assert_eq!(setup.published(&name("rows")).await["FR"]["seats"], json!(1));
    assert!(setup.head(&name("rows")).await.mark.is_some());
    primary.stop();
    loaded(&host).await;
    assert_eq!(setup.published(&name("rows")).await["FR"]["seats"], json!(2), "{there}");
    drop(copy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_ends_a_query_or_takes_none_yet_is_tried_again() {
    let primary = Postgres::start(QUIET);
    let database = primary.database();
    database.sql(AIRLINES);
    let mut standby = primary.standby(&["max_standby_streaming_delay = 0", "hot_standby_feedback = off"]);
    let setup = Setup::new();
    let url = database.at(&standby).url();
    {
        let there = database.at(&standby);
        has_caught_up(&there, &database).await;
        let slow = json!({ "query": "SELECT code AS k, pg_sleep(60)::text AS v FROM kiwi_airlines", "key": "k" });
        let loading = tokio::spawn({
            let (setup, config) = (Setup::new(), rows(&url, slow));
            async move { setup.refill(config).await }
        });
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        eventually("the query runs", async || there.sql(sleeps) == "1").await;
        database.sql("DELETE FROM kiwi_airlines WHERE code = 'LH'");
        database.sql("VACUUM kiwi_airlines");
        let Outcome::Failed(failure) = loading.await.unwrap() else { panic!("the query was not ended") };
        let says = ["conflict with recovery", "40001", "`max_standby_streaming_delay`"];
        assert_failure(&failure, FailureKind::Unavailable, &says);
        assert_eq!(published(&setup, rows(&url, airlines())).await.len(), 1);
    }
    standby.configure("hot_standby = off");
    standby.restart_closed();
    let failure = failure(&setup, rows(&url, airlines())).await;
    assert_failure(&failure, FailureKind::Unavailable, &["57P03", "a standby that does not take queries yet"]);
    standby.configure("hot_standby = on");
    standby.restart();
    assert_eq!(published(&setup, rows(&url, airlines())).await.len(), 1);
}

#[tokio::test]
async fn the_first_host_that_is_what_the_url_asks_for_is_read() {
    let primary = Postgres::start(QUIET);
    let database = primary.database();
    // As docs/databases.md has it: it may not write anywhere.
    database.sql(&format!("ALTER ROLE {} SET default_transaction_read_only = on", database.name()));
    let standby = primary.standby(&[]);
    has_caught_up(&database.at(&standby), &database).await;
    let ports = [primary.port(), standby.port()];
    let asks = |more: &str| {
        let url = url_of(&database, &ports, &format!("?target_session_attrs={more}"));
        rows(&url, json!({ "query": "SELECT pg_is_in_recovery() AS is_standby", "key": "is_standby" }))
    };
    for (more, is_standby) in [
        ("any", "false"),
        ("primary", "false"),
        ("read-write", "false"),
        ("standby", "true"),
        ("read-only", "true"),
        ("prefer-standby", "true"),
    ] {
        let keys: Vec<String> = published(&Setup::new(), asks(more)).await.into_keys().collect();
        assert_eq!(keys, [is_standby], "{more}");
    }
    assert_failure(
        &failure(&Setup::new(), asks("writable")).await,
        FailureKind::InvalidSettings,
        &["`any`, `primary`"],
    );
    drop(standby);
    let keys: Vec<String> = published(&Setup::new(), asks("prefer-standby")).await.into_keys().collect();
    assert_eq!(keys, ["false"]);
    let failure = failure(&Setup::new(), asks("standby")).await;
    assert_failure(
        &failure,
        FailureKind::Unavailable,
        &["none of its hosts", "it is the primary", "asks for a standby"],
    );
}

#[tokio::test]
async fn a_host_that_is_silent_leaves_time_for_the_next_one() {
    let database = Postgres::shared().database();
    database.sql(AIRLINES);
    // Connections to it wait in its queue forever.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let ports = [silent_port, Postgres::shared().port()];
    assert_eq!(published(&Setup::new(), rows(&url_of(&database, &ports, ""), airlines())).await.len(), 2);
    let url = url_of(&database, &[silent_port, 1], "");
    let failure = failure(&Setup::new(), rows(&url, airlines())).await;
    let says = [&*format!("127.0.0.1:{silent_port}: no answer within"), "127.0.0.1:1: no connection"];
    assert_failure(&failure, FailureKind::Unavailable, &says);
}
