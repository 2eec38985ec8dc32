//! What a database may make the host hold.

use kiwi_host::FailureKind;
use serde_json::json;

use super::{Database, failure, published, rows};
use crate::support::{Setup, assert_failure};

/// Three rows of so many bytes each.
fn long(database: &Database, bytes: u32) -> String {
    match database {
        Database::Sqlite(_) => format!(
            "SELECT k, replace(hex(zeroblob({})), '0', 'x') AS v FROM (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3)",
            bytes / 2
        ),
        _ => format!("SELECT k, repeat('x', {bytes}) AS v FROM (SELECT 1 AS k UNION SELECT 2 UNION SELECT 3) AS n"),
    }
}

#[tokio::test]
async fn a_huge_value_is_refused_before_it_is_held() {
    for database in Database::each() {
        for bytes in [1_500_000, 100_000_000] {
            let settings = json!({ "query": long(&database, bytes), "key": "k" });
            // MariaDB gives NULL for what is beyond its own `max_allowed_packet`.
            if bytes == 100_000_000 && matches!(database, Database::MariaDb(_)) {
                continue;
            }
            let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
            assert_failure(&failure, FailureKind::Limit, &["limits.value_bytes"]);
        }
        let settings = json!({ "query": long(&database, 900_000), "key": "k" });
        assert_eq!(published(&Setup::new(), rows(&database.url(), settings)).await.len(), 3, "{database:?}");
    }
}

#[tokio::test]
async fn rows_and_bytes_of_a_result_are_bounded() {
    for database in Database::each() {
        let settings = json!({ "query": long(&database, 1000), "key": "k" });
        for (rows_allowed, bytes_allowed, limit) in
            [(2, 1 << 20, "limits.query_rows"), (10, 2000, "limits.query_bytes")]
        {
            let mut config = rows(&database.url(), settings.clone());
            (config.limits.query_rows, config.limits.query_bytes) = (rows_allowed, bytes_allowed);
            let failure = failure(&Setup::new(), config).await;
            assert_failure(&failure, FailureKind::Limit, &[limit, "database `shop`"]);
        }
        let mut config = rows(&database.url(), settings);
        config.limits.entries = 2;
        assert_failure(&failure(&Setup::new(), config).await, FailureKind::Limit, &["limits.entries"]);
    }
}

#[tokio::test]
async fn columns_that_cannot_be_fields_are_refused() {
    for database in Database::each() {
        let settings = json!({ "query": "SELECT 1 AS k, 2 AS k", "key": "k" });
        let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
        assert_eq!(failure.kind, FailureKind::InvalidSettings, "{database:?}: {failure}");
        assert!(failure.message.contains('k'), "{database:?}: {failure}");
    }
}

#[tokio::test]
async fn text_that_is_no_unicode_names_its_column_and_row() {
    let database = Database::sqlite();
    let settings = json!({ "query": "SELECT 1 AS k, CAST(x'61ff' AS text) AS v", "key": "k" });
    let failure = failure(&Setup::new(), rows(&database.url(), settings)).await;
    assert_failure(&failure, FailureKind::Other, &["column `v` of row 1", "not valid UTF-8"]);
}

#[tokio::test]
async fn a_nul_in_a_text_is_kept() {
    let database = Database::mariadb();
    let settings = json!({ "query": "SELECT 'a\\0b' AS k, 1 AS v", "key": "k" });
    let map = published(&Setup::new(), rows(&database.url(), settings)).await;
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a\0b"]);
}
