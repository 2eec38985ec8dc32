//! Values of the types of each database, as the plugin `table` publishes them and as kiwi-cache's own
//! `SQLAlchemyResource` saves them: the same, or what the tables of docs/migrating.md say.

use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::RawValue;

use super::record_data;
use super::types::{MARIADB, MARIADB_KEYS, POSTGRES, POSTGRES_KEYS, POSTGRES_TYPES, SQLITE, SQLITE_KEYS, Value};
use crate::redis_server::RedisServer;
use crate::support::{Database, Python, WorkDir, page, plugin};

#[test]
fn values_of_postgresql_differ_only_where_it_is_documented() {
    let database = Database::postgres();
    database.sql(POSTGRES_TYPES);
    values_differ_only_where_it_is_documented(&database, POSTGRES);
}

#[test]
fn values_of_mariadb_differ_only_where_it_is_documented() {
    values_differ_only_where_it_is_documented(&Database::mariadb(), MARIADB);
}

#[test]
fn values_of_sqlite_differ_only_where_it_is_documented() {
    values_differ_only_where_it_is_documented(&Database::sqlite(), SQLITE);
}

#[test]
fn keys_of_postgresql_differ_only_where_it_is_documented() {
    keys_differ_only_where_it_is_documented(&Database::postgres(), POSTGRES_KEYS);
}

#[test]
fn keys_of_mariadb_differ_only_where_it_is_documented() {
    keys_differ_only_where_it_is_documented(&Database::mariadb(), MARIADB_KEYS);
}

#[test]
fn keys_of_sqlite_differ_only_where_it_is_documented() {
    keys_differ_only_where_it_is_documented(&Database::sqlite(), SQLITE_KEYS);
}

#[test]
fn a_key_that_is_null_or_repeated_is_an_error_here_only() {
    for database in [Database::postgres(), Database::mariadb(), Database::sqlite()] {
        for (rows, saved, refused) in [
            ("(NULL, 1)", r#"{"null": {"k": null, "v": 1}}"#, "is NULL"),
            ("('FR', 1), ('FR', 2)", r#"{"FR": {"k": "FR", "v": 2}}"#, "`FR`"),
        ] {
            database.sql("DROP TABLE IF EXISTS every");
            database.sql(&format!("CREATE TABLE every (k varchar(2), v integer); INSERT INTO every VALUES {rows}"));
            let redis = RedisServer::start();
            let mut python = python(&redis, &database, "k");
            python.save(json!({ "columns": ["v"] })).unwrap();
            assert!(python.is_same(&record_data(&redis, "Table"), saved), "{}", record_data(&redis, "Table"));
            let workdir = workdir(&redis, &database, [("every", "k")]);
            let stderr = workdir.run(&["refill", "every"]).expect(1).stderr;
            assert!(stderr.contains(refused), "{}: {stderr}", database.name());
        }
    }
}

#[test]
fn a_table_in_a_schema_works_here_only() {
    let database = Database::postgres();
    database.sql(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.every (k text); INSERT INTO shop.every VALUES ('FR')",
    );
    let redis = RedisServer::start();
    let error = python(&redis, &database, "k").save(json!({ "table_name": "shop.every" })).unwrap_err();
    assert!(error.starts_with("ProgrammingError: (psycopg2.errors.UndefinedTable)"), "{error}");
    let workdir = workdir(&redis, &database, [("every", "k")]);
    let config = std::fs::read_to_string(workdir.path().join("kiwi.toml")).unwrap();
    workdir.file("kiwi.toml", &config.replace("\"every\"\nsettings.key", "\"shop.every\"\nsettings.key"));
    workdir.run(&["refill", "every"]).expect(0);
    assert_eq!(only_key(&redis, "every"), "\"FR\"");
}

/// The columns of the table `every` are called by their numbers.
fn name(column: usize) -> String {
    format!("c{column}")
}

/// Creates the table `every` with one row, whose key is `k`, and with a column for each value.
fn create(database: &Database, values: &[Value]) {
    let columns: Vec<String> =
        values.iter().enumerate().map(|(n, value)| format!("{} {}", name(n), value.ty)).collect();
    let literals: Vec<&str> = values.iter().map(|value| value.literal).collect();
    let session = match database {
        // Without its strict mode, MariaDB takes the date zero.
        Database::MariaDb(_) => "SET sql_mode = '', time_zone = '+00:00';",
        _ => "",
    };
    let (columns, literals) = (columns.join(", "), literals.join(", "));
    database.sql(&format!(
        "{session} CREATE TABLE every (k varchar(10), {columns}); INSERT INTO every VALUES ('k', {literals})"
    ));
}

fn python(redis: &RedisServer, database: &Database, key: &str) -> Python {
    let options = json!({ "database": database.sqlalchemy_url(), "table_name": "every", "key": key });
    Python::start(redis, "Table", &options)
}

/// A kiwi.toml with caches of the table `every`: their names, which their records have too, and their keys.
fn workdir(
    redis: &RedisServer,
    database: &Database,
    caches: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> WorkDir {
    let mut config = format!("store = {:?}\n[connections.shop]\nurl = {:?}\n", redis.url(), database.url());
    for (cache, key) in caches {
        let (cache, key) = (cache.as_ref(), key.as_ref());
        config += &format!(
            "[cache.{cache}]\nplugin = {:?}\nlayout = \"record\"\nrecord_key = {cache:?}\n\
             grants = {{ connections = [\"shop\"] }}\nsettings.connection = \"shop\"\nsettings.table = \"every\"\n\
             settings.key = {key:?}\nsettings.datetimes = \"python\"\n",
            plugin("table"),
        );
    }
    WorkDir::with(&config)
}

type Row = BTreeMap<String, Box<RawValue>>;

fn rows(redis: &RedisServer, class: &str) -> BTreeMap<String, Row> {
    serde_json::from_str(&record_data(redis, class)).expect("a map of rows")
}

fn values_differ_only_where_it_is_documented(database: &Database, values: &[Value]) {
    create(database, values);
    let redis = RedisServer::start();
    workdir(&redis, database, [("every", "k")]).run(&["refill", "every"]).expect(0);
    let published = &rows(&redis, "every")["k"];
    assert_eq!(published.len(), values.len() + 1);

    let mut python = python(&redis, database, "k");
    let mut departures = Vec::new();
    for (number, value) in values.iter().enumerate() {
        let column = name(number);
        let ours = published[&column].get();
        let theirs = match python.save(json!({ "columns": [column] })) {
            Ok(()) => rows(&redis, "Table")["k"][&column].get().to_owned(),
            Err(error) => {
                departures.push(Departure::new(database, value, &fails(&error), ours));
                continue;
            }
        };
        if !python.is_same(ours, &theirs) {
            departures.push(Departure::new(database, value, &code(&theirs), ours));
        }
    }
    assert_documented("## Values that differ", database, &departures);
}

fn keys_differ_only_where_it_is_documented(database: &Database, values: &[Value]) {
    create(database, values);
    let redis = RedisServer::start();
    let caches = (0..values.len()).map(|number| (format!("by_{number}"), name(number)));
    workdir(&redis, database, caches).run(&["run", "--once"]).expect(0);

    let mut python = python(&redis, database, "k");
    let mut departures = Vec::new();
    for (number, value) in values.iter().enumerate() {
        let ours = only_key(&redis, &format!("by_{number}"));
        match python.save(json!({ "key": name(number) })) {
            Ok(()) => {
                let theirs = only_key(&redis, "Table");
                if theirs != ours {
                    departures.push(Departure::new(database, value, &code(&theirs), &ours));
                }
            }
            Err(error) => departures.push(Departure::new(database, value, &fails(&error), &ours)),
        }
    }
    assert_documented("## Keys that differ", database, &departures);
}

/// The key of the only row of a record, as JSON.
fn only_key(redis: &RedisServer, class: &str) -> String {
    let rows = rows(redis, class);
    let [key] = rows.keys().collect::<Vec<_>>()[..] else { panic!("one row: {rows:?}") };
    json!(key).to_string()
}

/// A row of the documentation but for its last cell, which says why.
#[derive(Debug, PartialEq)]
struct Departure(String);

impl Departure {
    fn new(database: &Database, value: &Value, theirs: &str, ours: &str) -> Self {
        Self(format!(
            "| {} | {} | {} | {theirs} | {} |",
            database.name(),
            code(value.ty),
            code(value.literal),
            code(ours)
        ))
    }
}

fn code(text: &str) -> String {
    assert!(!text.contains(['`', '|', '\n']), "{text} cannot stand in a table of Markdown");
    format!("`{text}`")
}

/// What an exception of Python is in the documentation: its class.
fn fails(error: &str) -> String {
    format!("fails ({})", code(error.split(':').next().expect("a class")))
}

/// Compares what differs with a table of docs/migrating.md.
fn assert_documented(heading: &str, database: &Database, departures: &[Departure]) {
    let page = page("docs/migrating.md");
    let of_database = format!("| {} |", database.name());
    let section = page.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with('#'));
    let mut documented = Vec::new();
    for row in section.filter(|line| line.starts_with(&of_database)) {
        let (row, why) = row.strip_suffix(" |").and_then(|row| row.rsplit_once(" | ")).expect("a row");
        assert!(!why.trim().is_empty(), "{row}: it does not say why");
        documented.push(Departure(format!("{row} |")));
    }
    let found: String = departures.iter().map(|Departure(row)| format!("{row} WHY |\n")).collect();
    assert!(documented == departures, "what differs on {} is, under `{heading}`:\n{found}", database.name());
}
