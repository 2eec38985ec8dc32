//! A table that has not changed is not read.

use kiwi_host::{FailureKind, Outcome};
use serde_json::{Value, json};

use super::{AIRLINES, Database, failure, rows};
use crate::support::{Setup, assert_failure, name, refill};

/// Whether the second load finds nothing changed by its mark alone.
async fn is_marked(database: &Database, settings: Value) -> bool {
    let setup = Setup::new();
    let host = setup.host([rows(&database.url(), settings)]).await;
    let first = refill(&host, &name("rows")).await;
    assert!(matches!(first, Outcome::Published { .. }), "{first:?}");
    let is_marked = setup.head(&name("rows")).await.mark.is_some();
    let second = refill(&host, &name("rows")).await;
    assert!(matches!(second, Outcome::Unchanged { .. }), "{second:?}");
    is_marked
}

#[tokio::test]
async fn the_moment_of_postgresql_marks_a_table_and_nothing_less_certain() {
    let database = Database::postgres();
    database.sql(AIRLINES);
    database.sql(
        "CREATE VIEW v AS SELECT code, now() AS at FROM kiwi_airlines; CREATE UNLOGGED TABLE u AS SELECT * FROM kiwi_airlines; \
         CREATE TABLE p AS SELECT * FROM kiwi_airlines; ALTER TABLE p ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON p \
         USING (true); CREATE MATERIALIZED VIEW m AS SELECT * FROM kiwi_airlines",
    );
    let of = |table: &str| json!({ "table": table, "key": "code", "columns": ["code"] });
    for (table, expected) in [("kiwi_airlines", true), ("m", true), ("v", false), ("u", false), ("p", false)] {
        assert_eq!(is_marked(&database, of(table)).await, expected, "{table}");
    }
    let mut with_condition = of("kiwi_airlines");
    with_condition["where"] = json!("now() > '2026-01-01'");
    assert!(!is_marked(&database, with_condition.clone()).await);
    with_condition["mark"] = json!("moment");
    assert!(is_marked(&database, with_condition).await);
}

#[tokio::test]
async fn a_change_is_never_missed() {
    let database = Database::postgres();
    database.sql(AIRLINES);
    let setup = Setup::new();
    let host = setup.host([rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code" }))]).await;
    for seats in 1..20 {
        database.sql(&format!("UPDATE kiwi_airlines SET seats = {seats} WHERE code = 'FR'"));
        let outcome = refill(&host, &name("rows")).await;
        assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
        assert_eq!(setup.published(&name("rows")).await["FR"]["seats"], json!(seats));
        let outcome = refill(&host, &name("rows")).await;
        assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
    }
}

/// Sources whose rows may change although no transaction has written anything, or that are not there for others.
#[tokio::test]
async fn a_change_is_seen_where_the_moment_does_not_hold() {
    let database = Database::postgres();
    let Database::Postgres(of_postgres) = &database else { unreachable!() };
    let reader = of_postgres.name();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("airlines.csv");
    let write = |seats: u32| std::fs::write(&file, format!("FR,{seats}\n")).unwrap();
    write(1);
    for path in [dir.path(), file.as_path()] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let file = file.display();
    database.sql(&format!(
        "CREATE TABLE partitioned (code text, seats integer) PARTITION BY LIST (code);
         CREATE TABLE of_partitioned PARTITION OF partitioned FOR VALUES IN ('FR');
         INSERT INTO partitioned VALUES ('FR', 1);
         CREATE TABLE parent (code text, seats integer);
         CREATE TABLE child () INHERITS (parent);
         INSERT INTO child VALUES ('FR', 1);
         CREATE UNLOGGED TABLE unlogged AS SELECT 'FR' AS code, 1 AS seats;
         CREATE TABLE secured AS SELECT 'FR' AS code, 1 AS seats;
         ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
         CREATE POLICY visible ON secured USING (seats > 0);
         CREATE EXTENSION file_fdw;
         CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE of_file (code text, seats integer) SERVER files OPTIONS (filename '{file}', format 'csv');
         CREATE TABLE with_foreign (code text, seats integer) PARTITION BY LIST (code);
         CREATE FOREIGN TABLE of_with_foreign PARTITION OF with_foreign FOR VALUES IN ('FR') SERVER files
           OPTIONS (filename '{file}', format 'csv');
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
    ));
    for (table, change) in [
        ("partitioned", "UPDATE partitioned SET seats = 2"),
        ("parent", "UPDATE child SET seats = 2"),
        ("unlogged", "UPDATE unlogged SET seats = 2"),
        ("secured", "UPDATE secured SET seats = 2"),
        ("of_file", ""),
        ("with_foreign", ""),
    ] {
        write(1);
        let setup = Setup::new();
        let host = setup.host([rows(&database.url(), json!({ "table": table, "key": "code" }))]).await;
        let seats = async || {
            let outcome = refill(&host, &name("rows")).await;
            assert!(matches!(outcome, Outcome::Published { .. }), "{table}: {outcome:?}");
            setup.published(&name("rows")).await["FR"]["seats"].clone()
        };
        assert_eq!(seats().await, json!(1), "{table}");
        assert_eq!(setup.head(&name("rows")).await.mark, None, "{table}");
        match change {
            "" => write(2),
            change => drop(database.sql(change)),
        }
        assert_eq!(seats().await, json!(2), "{table}");
    }
    // A temporary table is there for its own session only.
    database.sql("CREATE TEMPORARY TABLE short_lived AS SELECT 'FR' AS code");
    let failure = failure(&Setup::new(), rows(&database.url(), json!({ "table": "short_lived", "key": "code" }))).await;
    assert_failure(&failure, FailureKind::Other, &["short_lived"]);
}

#[tokio::test]
async fn a_query_of_the_operators_is_a_mark_on_each_database() {
    for database in Database::each() {
        database.sql(AIRLINES);
        let mark = "SELECT max(seats) AS seats, count(*) AS n FROM kiwi_airlines";
        let settings = json!({ "table": "kiwi_airlines", "key": "code", "mark": mark });
        let setup = Setup::new();
        let host = setup.host([rows(&database.url(), settings)]).await;
        assert!(matches!(refill(&host, &name("rows")).await, Outcome::Published { .. }));
        // What the mark does not cover is not seen: it is the operator's word.
        database.sql("UPDATE kiwi_airlines SET name = 'Ryanair DAC' WHERE code = 'FR'");
        assert!(matches!(refill(&host, &name("rows")).await, Outcome::Unchanged { .. }), "{database:?}");
        database.sql("UPDATE kiwi_airlines SET seats = 190 WHERE code = 'FR'");
        assert!(matches!(refill(&host, &name("rows")).await, Outcome::Published { .. }), "{database:?}");
        assert_eq!(setup.published(&name("rows")).await["FR"]["name"], json!("Ryanair DAC"));
    }
}

#[tokio::test]
async fn a_mark_of_one_database_is_none_of_another() {
    let (one, other) = (Database::postgres(), Database::postgres());
    let setup = Setup::new();
    for (database, rows_of_it) in [(&one, 2), (&other, 1)] {
        database.sql(AIRLINES);
        if rows_of_it == 1 {
            database.sql("DELETE FROM kiwi_airlines WHERE code = 'LH'");
        }
        let outcome = setup.refill(rows(&database.url(), json!({ "table": "kiwi_airlines", "key": "code" }))).await;
        assert!(matches!(outcome, Outcome::Published { .. }), "{outcome:?}");
        assert_eq!(setup.published(&name("rows")).await.len(), rows_of_it);
    }
}

#[tokio::test]
async fn a_mark_that_cannot_be_says_so() {
    for database in [Database::mariadb(), Database::sqlite()] {
        database.sql(AIRLINES);
        let settings = json!({ "table": "kiwi_airlines", "key": "code", "mark": "moment" });
        let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
        assert_eq!(failure.kind, FailureKind::InvalidSettings, "{failure}");
        assert!(failure.message.contains("has no moment"), "{failure}");
    }
}
