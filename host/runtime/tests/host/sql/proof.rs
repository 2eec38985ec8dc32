//! Nothing but one SELECT runs, whatever a setting holds, and it writes nothing.

use kiwi_host::FailureKind;
use serde_json::json;

use super::{Database, failure, published, rows};
use crate::support::Setup;

/// What no database takes for a SELECT.
const NO_SELECT: &[&str] = &[
    "",
    "-- nothing",
    "INSERT INTO t VALUES (2)",
    "SELECT 1 AS k; SELECT 2 AS k",
    "SELECT 1 AS k; DROP TABLE t",
    "SELECT 1 AS k); DROP TABLE t; --",
    "SELECT 1 AS k) AS q; DROP TABLE t; SELECT 1 FROM (SELECT 1 AS k",
    "DROP TABLE t",
    "CREATE TABLE u (a integer)",
    "UPDATE t SET k = 3",
    "DELETE FROM t",
    "COMMIT",
    "ROLLBACK",
    "SELECT",
    "SELECT 'unterminated",
];

/// Statements of each database that write, or reach beyond it.
fn beyond(database: &Database) -> &'static [&'static str] {
    match database {
        Database::Postgres(_) => &[
            "COPY t TO STDOUT",
            "COPY t TO PROGRAM 'touch /tmp/kiwi'",
            "SET statement_timeout = 0",
            "SHOW server_version",
            "EXPLAIN SELECT 1",
            "DO $$ BEGIN END $$",
            "CALL p()",
            "SELECT 1 AS k INTO u",
            "WITH w AS (INSERT INTO t VALUES (2) RETURNING k) SELECT k FROM w",
            "WITH w AS (DELETE FROM t RETURNING k) SELECT k FROM w",
            "SELECT k FROM t FOR UPDATE",
            "SELECT writes() AS k",
            "SELECT nextval('s') AS k",
            "SELECT pg_read_file('/etc/passwd') AS k",
            "PREPARE p AS SELECT 1",
            "LISTEN c",
            "VACUUM",
            "BEGIN",
            "FETCH 1 FROM c",
        ],
        Database::MariaDb(_) => &[
            "SELECT k FROM t INTO OUTFILE '/tmp/kiwi-out'",
            "SELECT k FROM t INTO @x",
            "SELECT LOAD_FILE('/etc/passwd') AS k",
            "CALL p()",
            "SHOW TABLES",
            "SET autocommit = 1",
            "SELECT writes() AS k",
            "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
            "HANDLER t OPEN",
            "DO sleep(1)",
            "EXPLAIN SELECT 1",
            "FLUSH TABLES",
            "BEGIN",
        ],
        Database::Sqlite(_) => &[
            "ATTACH '/tmp/kiwi-other.db' AS o",
            "VACUUM INTO '/tmp/kiwi-copy.db'",
            "VACUUM",
            "PRAGMA writable_schema = 1",
            "PRAGMA table_list",
            "SELECT load_extension('x') AS k",
            "EXPLAIN SELECT 1",
            "BEGIN",
            "SELECT \"nocolumn\" AS k FROM t",
        ],
    }
}

fn database_with_functions(database: &Database) {
    database.sql("CREATE TABLE t (k integer)");
    database.sql("INSERT INTO t VALUES (1)");
    match database {
        Database::Postgres(_) => database.sql(
            "CREATE SEQUENCE s; CREATE FUNCTION writes() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO t \
             VALUES (9) RETURNING k'; CREATE PROCEDURE p() LANGUAGE sql AS 'INSERT INTO t VALUES (9)'",
        ),
        Database::MariaDb(_) => database.sql(
            "DELIMITER //\nCREATE PROCEDURE p() SQL SECURITY DEFINER INSERT INTO t VALUES (9) //\nCREATE FUNCTION writes() RETURNS integer \
             MODIFIES SQL DATA SQL SECURITY DEFINER BEGIN INSERT INTO t VALUES (9); RETURN 1; END //",
        ),
        Database::Sqlite(_) => String::new(),
    };
}

#[tokio::test]
async fn nothing_but_one_select_runs() {
    for database in Database::each() {
        database_with_functions(&database);
        for statement in NO_SELECT.iter().chain(beyond(&database)) {
            let failure =
                failure(&Setup::new(), rows(&database.url(), json!({ "query": statement, "key": "k" }))).await;
            // LOAD_FILE gives NULL to whom it refuses.
            let refused =
                matches!(failure.kind, FailureKind::InvalidSettings | FailureKind::Other | FailureKind::InvalidEntry);
            assert!(refused, "{database:?}: {statement}: {failure}");
        }
        // It is all as it was, and the connection is still good for what it may do.
        let map =
            published(&Setup::new(), rows(&database.url(), json!({ "query": "SELECT k FROM t", "key": "k" }))).await;
        assert_eq!(map.keys().collect::<Vec<_>>(), ["1"], "{database:?}");
    }
    for file in ["/tmp/kiwi", "/tmp/kiwi-out", "/tmp/kiwi-copy.db", "/tmp/kiwi-other.db"] {
        assert!(!std::path::Path::new(file).exists(), "{file} was written");
    }
}

#[tokio::test]
async fn what_postgresql_lets_a_reader_make_is_rolled_back() {
    let database = Database::postgres();
    let settings = json!({ "query": "SELECT lo_create(0) AS k", "key": "k" });
    assert_eq!(published(&Setup::new(), rows(&database.url(), settings)).await.len(), 1);
    assert_eq!(database.sql("SELECT count(*) FROM pg_largeobject_metadata"), "0");
}

#[tokio::test]
async fn sql_in_the_settings_stays_a_name() {
    let hostile = "k\"; DROP TABLE t; --`; DROP TABLE t; --";
    for database in Database::each() {
        database_with_functions(&database);
        for settings in [
            json!({ "table": hostile, "key": "k" }),
            json!({ "table": "t", "key": hostile }),
            json!({ "table": "t", "key": "k", "columns": [hostile] }),
            json!({ "table": "t", "key": "k", "order_by": hostile }),
            json!({ "table": "t", "key": "k", "where": "1 = 1); DROP TABLE t; --" }),
            json!({ "table": "t", "key": "k", "where": "1 = 1) UNION SELECT 1; DROP TABLE t; --" }),
        ] {
            let failure = failure(&Setup::new(), rows(&database.url(), settings.clone())).await;
            let refused = matches!(failure.kind, FailureKind::InvalidSettings | FailureKind::Other);
            assert!(refused, "{database:?}: {settings}: {failure}");
        }
        let settings = json!({ "table": "t", "key": ["k", "k"], "key_separator": "'; DROP TABLE t; --" });
        let map = published(&Setup::new(), rows(&database.url(), settings)).await;
        assert_eq!(map.keys().collect::<Vec<_>>(), ["1'; DROP TABLE t; --1"], "{database:?}");
    }
}

#[tokio::test]
async fn values_and_common_table_expressions_are_selects() {
    for database in Database::each() {
        database_with_functions(&database);
        for statement in ["WITH w AS (SELECT k FROM t) SELECT k FROM w -- all", "SELECT 1 AS k UNION SELECT 2 AS k"] {
            let map = published(&Setup::new(), rows(&database.url(), json!({ "query": statement, "key": "k" }))).await;
            assert!(map.contains_key("1"), "{database:?}: {statement}");
        }
    }
}
