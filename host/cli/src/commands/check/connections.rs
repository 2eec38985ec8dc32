//! What a check finds of databases: whether they are used, and whether they can be reached from here.

use futures_util::future::join_all;
use kiwi_host::{CacheConfig, Connection, FailureKind, try_connection};

use super::report::{Finding, Severity};

/// What is to be said of each connection.
pub(super) async fn check(connections: &[Connection], caches: &[CacheConfig]) -> Vec<Finding> {
    join_all(connections.iter().map(|connection| check_one(connection, caches))).await
}

async fn check_one(connection: &Connection, caches: &[CacheConfig]) -> Finding {
    let name = &connection.name;
    let subject = format!("connection `{name}`");
    if !caches.iter().any(|cache| cache.grants.connections.contains(connection)) {
        let message =
            format!("no cache may use it: add `connections = [\"{name}\"]` to the grants of one, or remove it");
        return Finding::warning(&subject, message);
    }
    match try_connection(connection).await {
        Ok(()) => Finding { severity: Severity::Ok, subject, message: "it can be reached".to_owned() },
        Err(failure) if failure.kind == FailureKind::InvalidSettings => Finding::error(&subject, failure.message),
        Err(failure) => Finding::warning(
            &subject,
            format!("{}; until it can be used, its caches keep what is published", failure.message),
        ),
    }
}
