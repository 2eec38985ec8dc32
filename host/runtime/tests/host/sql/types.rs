//! A table with a column of every type, and what is published of it.

use serde_json::json;

use super::{Database, published, rows};
use crate::support::Setup;

/// What is published of the table `every`, as text.
async fn every(database: &Database, statements: &str) -> String {
    database.sql(statements);
    let setup = Setup::new();
    published(&setup, rows(&database.url(), json!({ "table": "every", "key": "k" }))).await;
    let texts = setup.published_texts(&crate::support::name("rows")).await;
    texts.into_iter().map(|(key, text)| format!("{key}: {text}\n")).collect()
}

#[tokio::test]
async fn every_type_of_postgresql() {
    let database = Database::postgres();
    let written = every(&database, include_str!("types_postgres.sql")).await;
    assert_eq!(written, include_str!("types_postgres.txt"));
}

#[tokio::test]
async fn every_type_of_mariadb() {
    let database = Database::mariadb();
    let written = every(&database, include_str!("types_mariadb.sql")).await;
    assert_eq!(written, include_str!("types_mariadb.txt"));
}

#[tokio::test]
async fn every_type_of_sqlite() {
    let database = Database::sqlite();
    let written = every(&database, include_str!("types_sqlite.sql")).await;
    assert_eq!(written, include_str!("types_sqlite.txt"));
}
