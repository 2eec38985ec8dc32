//! Databases, read by the loader `table` as it is shipped: real servers, and a database of its own for each test.

mod away;
#[path = "../../../../../tests/databases/mod.rs"]
mod databases;
mod ended;
mod limits;
mod marks;
mod proof;
mod rotated;
mod standby;
mod tls;
mod types;

use std::collections::BTreeMap;

use databases::{MariaDb, MariaDbDatabase, Postgres, PostgresDatabase};
use kiwi_host::{CacheConfig, Connection, DatabaseUrl, Grants, Outcome};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Setup, cache, name, plugin};

/// A database of one test.
enum Database {
    Postgres(PostgresDatabase<'static>),
    MariaDb(MariaDbDatabase<'static>),
    Sqlite(TempDir),
}

impl Database {
    fn postgres() -> Self {
        Self::Postgres(Postgres::shared().database())
    }

    fn mariadb() -> Self {
        Self::MariaDb(MariaDb::shared().database())
    }

    fn sqlite() -> Self {
        let database = Self::Sqlite(tempfile::tempdir().unwrap());
        database.sql("SELECT 1");
        database
    }

    /// One of each kind.
    fn each() -> [Self; 3] {
        [Self::postgres(), Self::mariadb(), Self::sqlite()]
    }

    fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::MariaDb(database) => database.url(),
            Self::Sqlite(dir) => format!("sqlite:{}", dir.path().join("test.db").display()),
        }
    }

    /// Runs statements as somebody who may.
    #[track_caller]
    fn sql(&self, statements: &str) -> String {
        match self {
            Self::Postgres(database) => database.sql(statements),
            Self::MariaDb(database) => database.sql(statements),
            Self::Sqlite(dir) => {
                let connection = rusqlite::Connection::open(dir.path().join("test.db")).unwrap();
                connection.execute_batch(statements).unwrap();
                String::new()
            }
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::MariaDb(_) => "MariaDB",
            Self::Sqlite(_) => "SQLite",
        })
    }
}

/// A cache of what a database has, by the name `shop`.
fn rows(url: &str, mut settings: Value) -> CacheConfig {
    settings["connection"] = json!("shop");
    with_connection(Connection::new("shop", DatabaseUrl::Plain(url.to_owned())).unwrap(), settings)
}

fn with_connection(connection: Connection, settings: Value) -> CacheConfig {
    let grants = Grants { connections: vec![connection], ..Grants::default() };
    CacheConfig { grants, ..cache("rows", plugin("table"), settings) }
}

/// What is published after a load.
async fn published(setup: &Setup, config: CacheConfig) -> BTreeMap<String, Value> {
    let outcome = setup.refill(config).await;
    assert!(matches!(outcome, Outcome::Published { .. } | Outcome::Unchanged { .. }), "{outcome:?}");
    setup.published(&name("rows")).await
}

/// The failure of a load.
async fn failure(setup: &Setup, config: CacheConfig) -> kiwi_host::Failure {
    match setup.refill(config).await {
        Outcome::Failed(failure) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}

const AIRLINES: &str = "CREATE TABLE kiwi_airlines (code varchar(3) PRIMARY KEY, name text, seats integer); INSERT INTO \
                        kiwi_airlines VALUES ('FR', 'Ryanair', 189), ('LH', 'Lufthansa', NULL)";

#[tokio::test]
async fn a_table_of_each_database_is_a_map() {
    for database in Database::each() {
        database.sql(AIRLINES);
        let map =
            published(&Setup::new(), rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code" }))).await;
        let expected = json!({
            "FR": { "code": "FR", "name": "Ryanair", "seats": 189 },
            "LH": { "code": "LH", "name": "Lufthansa", "seats": null },
        });
        assert_eq!(json!(map), expected, "{database:?}");
    }
}

#[tokio::test]
async fn columns_condition_order_and_several_keys() {
    for database in Database::each() {
        database.sql(AIRLINES);
        let placeholder = if matches!(database, Database::Postgres(_)) { "$1" } else { "?" };
        let settings = json!({
            "table": "kiwi_airlines", "key": ["name", "code"], "key_separator": "/", "columns": ["code"],
            "where": format!("seats > {placeholder} -- many"), "params": [100], "order_by": ["seats desc", "code"],
        });
        let map = published(&Setup::new(), rows(&database.url(), settings)).await;
        assert_eq!(json!(map), json!({ "Ryanair/FR": { "name": "Ryanair", "code": "FR" } }), "{database:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_there_names_a_near_one() {
    for database in Database::each() {
        database.sql(AIRLINES);
        for (settings, says) in [
            (json!({ "table": "kiwi_airline", "key": "code" }), "did you mean `kiwi_airlines`"),
            (json!({ "table": "kiwi_airlines", "key": "cod" }), "did you mean `code`"),
            (json!({ "table": "kiwi_airlines", "key": "code", "columns": ["nam"] }), "did you mean `name`"),
            (json!({ "table": "prices", "key": "code" }), "database `shop`"),
        ] {
            let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
            assert!(failure.message.contains(says), "{database:?}: {failure}");
            assert_eq!(failure.kind, kiwi_host::FailureKind::Other, "{database:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_none_names_its_row() {
    for database in Database::each() {
        database.sql(
            "CREATE TABLE t (id integer PRIMARY KEY, k text, e text, d text); INSERT INTO t VALUES (1, 'a', 'x', 'same'), (2, \
             NULL, '', 'same')",
        );
        for (key, says) in [
            ("k", "the key column `k` of row 2 is NULL"),
            ("e", "the key column `e` of row 2 is empty"),
            ("d", "the key `same` came twice"),
        ] {
            let settings = json!({ "table": "t", "key": key, "order_by": "id" });
            let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
            assert_eq!(failure.kind, kiwi_host::FailureKind::InvalidEntry, "{database:?}: {failure}");
            assert!(failure.message.contains(says), "{database:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_database_needs_a_grant() {
    let database = Database::sqlite();
    database.sql(AIRLINES);
    let mut config = rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code" }));
    config.grants.connections[0].name = "other".into();
    let refusal = Setup::new().refusal(config).await;
    let asked = &refusal.needs().unwrap().grants[0];
    assert_eq!((asked.kind.as_str(), asked.name.as_str()), ("connections", "shop"));
}

#[tokio::test]
async fn one_changed_row_is_a_delta() {
    for database in Database::each() {
        database.sql("CREATE TABLE n (id integer PRIMARY KEY, v integer)");
        let values: Vec<String> = (0..500).map(|n| format!("({n}, {n})")).collect();
        database.sql(&format!("INSERT INTO n VALUES {}", values.join(", ")));
        let setup = Setup::new();
        let host = setup.host([rows(&database.url(), json!({ "table": "n", "key": "id" }))]).await;
        let first = crate::support::refill(&host, &name("rows")).await;
        assert!(matches!(first, Outcome::Published { entries: 500, .. }), "{first:?}");
        let before = setup.head(&name("rows")).await;
        database.sql("UPDATE n SET v = -1 WHERE id = 7; DELETE FROM n WHERE id = 8");
        let second = crate::support::refill(&host, &name("rows")).await;
        assert!(matches!(second, Outcome::Published { entries: 499, .. }), "{second:?}");
        let after = setup.head(&name("rows")).await;
        assert_eq!(after.seq, before.seq + 1);
        let published = setup.published(&name("rows")).await;
        assert_eq!((&published["7"]["v"], published.contains_key("8")), (&json!(-1), false));
    }
}
