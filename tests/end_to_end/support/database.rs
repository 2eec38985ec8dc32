//! A database that kiwi-host and SQLAlchemy read.

use std::process::Command;

use super::interpreter;
use crate::databases::{MariaDb, MariaDbDatabase, Postgres, PostgresDatabase};

/// An empty database of a test.
pub(crate) enum Database {
    Postgres(PostgresDatabase<'static>),
    MariaDb(MariaDbDatabase<'static>),
    Sqlite(tempfile::TempDir),
}

impl Database {
    pub(crate) fn postgres() -> Self {
        Self::Postgres(Postgres::shared().database())
    }

    pub(crate) fn mariadb() -> Self {
        Self::MariaDb(MariaDb::shared().database())
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("a temporary directory"))
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::MariaDb(_) => "MariaDB",
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// Its URL in kiwi.toml.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::MariaDb(database) => database.url(),
            Self::Sqlite(dir) => format!("sqlite:{}", dir.path().join("db").display()),
        }
    }

    /// Its URL for SQLAlchemy. The session's time zone is not UTC.
    pub(crate) fn sqlalchemy_url(&self) -> String {
        match self {
            Self::Postgres(database) => {
                let url = database.url().replacen("postgres:", "postgresql+psycopg2:", 1);
                format!("{url}?options=-c%20timezone%3DEurope/Prague")
            }
            Self::MariaDb(database) => {
                let url = database.url().replacen("mysql:", "mysql+pymysql:", 1);
                format!("{url}?charset=utf8mb4&init_command=SET%20time_zone%3D'%2B01:00'")
            }
            Self::Sqlite(dir) => format!("sqlite:///{}", dir.path().join("db").display()),
        }
    }

    /// Runs statements with all rights.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) {
        match self {
            Self::Postgres(database) => drop(database.sql(statements)),
            Self::MariaDb(database) => drop(database.sql(statements)),
            Self::Sqlite(dir) => {
                let script = "import sqlite3, sys; sqlite3.connect('db').executescript(sys.argv[1])";
                let mut python = Command::new(interpreter());
                let output = python.args(["-c", script, statements]).current_dir(dir.path()).output();
                let output = output.expect("Python starts");
                assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}
