//! Opens a file so that nothing can be done but read it.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::failure::failure;
use crate::failure::{Failure, FailureKind};
use crate::outside::sql::session::SqlLimits;
use crate::outside::sql::target::{Target, invalid};

/// The longest wait for a process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How many instructions of SQLite's machine pass between two looks whether the load has ended: less than a millisecond.
const INSTRUCTIONS: i32 = 10_000;

/// A database that is open.
pub(crate) struct Connected {
    pub(super) connection: Connection,
    /// Ends what runs.
    pub(super) interrupted: CancellationToken,
}

/// Opens the file of a URL.
///
/// # Errors
/// It cannot be opened (`Unavailable`); the URL names no file (`InvalidSettings`).
pub(crate) async fn connect(target: &Target, limits: SqlLimits) -> Result<Connected, Failure> {
    let path = path(target.url.expose())?;
    // A file may hang.
    let opened = tokio::task::spawn_blocking(move || {
        let shown = path.display().to_string();
        if !path.is_file() {
            return Err(Failure::new(FailureKind::Unavailable, format!("there is no file `{shown}`")));
        }
        open(path, limits).map_err(|error| {
            let failure = failure(&error);
            Failure { message: format!("`{shown}`: {}", failure.message), ..failure }
        })
    });
    opened.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Internal, "opening the database panicked")))
}

/// `sqlite:data/shop.db`, `sqlite:/srv/shop.db` or `sqlite:///srv/shop.db`.
fn path(url: &str) -> Result<PathBuf, Failure> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = if path.starts_with("///") { &path[2..] } else { path };
    if path.is_empty() || path.starts_with("//") || path.contains('?') {
        return Err(invalid("its URL names no file: expected `sqlite:data/shop.db` or `sqlite:/srv/shop.db`"));
    }
    Ok(path.into())
}

fn open(path: PathBuf, limits: SqlLimits) -> rusqlite::Result<Connected> {
    // Without `URI`: a name is a path, and cannot ask for more.
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (setting, value) in [
        // Else `SELECT "nocolumn"` is that text, for every row.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    let longest = i32::try_from(limits.message_bytes()).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    // All that is read is of one moment.
    connection.execute_batch("BEGIN")?;
    let interrupted = CancellationToken::new();
    let stop = interrupted.clone();
    connection.progress_handler(INSTRUCTIONS, Some(move || stop.is_cancelled()))?;
    connection.authorizer(Some(authorize))?;
    Ok(Connected { connection, interrupted })
}

/// Only what a SELECT needs: opened to be read only, SQLite still writes files by `VACUUM INTO`, and reads others by `ATTACH`.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        assert_eq!(path("sqlite:data/a.db").unwrap(), PathBuf::from("data/a.db"));
        assert_eq!(path("sqlite:/srv/a.db").unwrap(), PathBuf::from("/srv/a.db"));
        assert_eq!(path("sqlite:///srv/a.db").unwrap(), PathBuf::from("/srv/a.db"));
        for bad in ["sqlite:", "sqlite://srv/a.db", "sqlite:a.db?mode=rwc"] {
            assert_eq!(path(bad).unwrap_err().kind, FailureKind::InvalidSettings, "{bad}");
        }
    }
}
