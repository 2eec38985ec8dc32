//! A large table in a database: nine columns, of which the first is the key.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kiwi_host::testing;
use kiwi_host::{CacheConfig, Connection, DatabaseUrl, Grants, Settings};
use serde_json::json;

use crate::databases::{MariaDb, MariaDbDatabase, Postgres, PostgresDatabase};
use crate::one_cache::{CACHE, limits};
use crate::server::Server;
use crate::setup::{Setup, repository, text};

/// The table's name.
pub(crate) const TABLE: &str = "big";

/// A table.
pub(crate) struct Table {
    database: Database,
    rows: u32,
}

enum Database {
    Postgres(PostgresDatabase<'static>),
    MariaDb(MariaDbDatabase<'static>),
    Sqlite(PathBuf),
}

impl Table {
    pub(crate) fn in_postgres(rows: u32) -> Self {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        // A run of autovacuum is a transaction, after which the database cannot say that nothing has changed.
        let database = SERVER.get_or_init(|| Postgres::start(&["autovacuum = off"])).database();
        database.sql(&format!(
            "CREATE TABLE {TABLE} AS SELECT 'k' || lpad(n::text, 15, '0') AS code, 'Airline number ' || n AS name, \
             (n % 500)::int AS seats, n::bigint * 7919 AS miles, (n % 100000) / 100.0::numeric AS price, \
             n / 7.0::float8 AS score, n % 2 = 0 AS active, date '2026-01-01' + (n % 365)::int AS day, \
             timestamptz '2026-01-01' + n * interval '1 second' AS updated_at FROM generate_series(1, {rows}) AS n"
        ));
        database.sql(&format!("ALTER TABLE {TABLE} ADD PRIMARY KEY (code)"));
        database.sql("VACUUM (ANALYZE, FREEZE)");
        Self { database: Database::Postgres(database), rows }
    }

    pub(crate) fn in_mariadb(rows: u32) -> Self {
        let database = MariaDb::shared().database();
        database.sql(&format!(
            "CREATE TABLE {TABLE} (code varchar(16) PRIMARY KEY, name varchar(40), seats int, miles bigint, \
             price decimal(12, 2), score double, active boolean, day date, updated_at datetime) AS \
             SELECT concat('k', lpad(seq, 15, '0')) AS code, concat('Airline number ', seq) AS name, seq % 500 AS seats, \
             seq * 7919 AS miles, (seq % 100000) / 100 AS price, seq / 7e0 AS score, seq % 2 = 0 AS active, \
             date '2026-01-01' + INTERVAL seq % 365 DAY AS day, \
             timestamp '2026-01-01 00:00:00' + INTERVAL seq SECOND AS updated_at FROM seq_1_to_{rows}"
        ));
        Self { database: Database::MariaDb(database), rows }
    }

    pub(crate) fn in_sqlite(setup: &Setup, rows: u32) -> Result<Self> {
        let file = setup.directory("sqlite")?.join("bench.db");
        let statements = format!(
            "CREATE TABLE {TABLE} (code text PRIMARY KEY, name text, seats integer, miles integer, price numeric, \
             score real, active boolean, day date, updated_at datetime); \
             WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) \
             INSERT INTO {TABLE} SELECT printf('k%015d', n), 'Airline number ' || n, n % 500, n * 7919, \
             (n % 100000) / 100.0, n / 7.0, n % 2, date('2026-01-01', (n % 365) || ' days'), \
             datetime('2026-01-01', n || ' seconds') FROM s;"
        );
        time(Command::new("sqlite3").arg(&file).arg(statements))?;
        Ok(Self { database: Database::Sqlite(file), rows })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> Result<String> {
        Ok(match &self.database {
            Database::Postgres(database) => database.url(),
            Database::MariaDb(database) => database.url(),
            Database::Sqlite(file) => format!("sqlite:{}", text(file)?),
        })
    }

    fn connection(&self) -> Result<Connection> {
        Ok(Connection::new("bench", DatabaseUrl::Plain(self.url()?))?)
    }

    /// A cache of it, loaded by the plugin `table`.
    pub(crate) fn by_plugin(&self, setup: &Setup) -> Result<CacheConfig> {
        let mut config = CacheConfig::new(CACHE.parse()?, &setup.programs.table);
        config.settings = Settings::new(json!({ "connection": "bench", "table": TABLE, "key": "code" }))?;
        config.grants = Grants { connections: vec![self.connection()?], ..Grants::default() };
        Ok(config)
    }

    /// The same without the plugin.
    pub(crate) fn by_host(&self) -> Result<testing::Table> {
        let statement = format!("SELECT * FROM {TABLE}");
        Ok(testing::Table { connection: self.connection()?, statement, key: "code".into(), limits: limits() })
    }

    /// Changes one row of a hundred.
    pub(crate) fn change(&self, run: usize) {
        let Database::Postgres(database) = &self.database else { unreachable!("only PostgreSQL's is changed") };
        database.sql(&format!("UPDATE {TABLE} SET name = name || '{run}' WHERE seats % 100 = {}", run % 100));
    }

    /// Reads it by the database's own client, which prints it as text. Returns the time from start to exit.
    pub(crate) fn read_by_client(&self) -> Result<Duration> {
        let all = format!("SELECT * FROM {TABLE}");
        match &self.database {
            Database::Postgres(_) => unreachable!("PostgreSQL's is compared with a whole pipe"),
            Database::MariaDb(database) => time(
                Command::new("mariadb")
                    .args(["--no-defaults", "--quick", "--batch", "--host=127.0.0.1", "--execute", &all])
                    .args([format!("--port={}", database.port()), format!("--user={}", database.name())])
                    .arg(database.name())
                    .env("MYSQL_PWD", database.password()),
            ),
            Database::Sqlite(file) => time(Command::new("sqlite3").arg(file).arg(all)),
        }
    }

    /// From PostgreSQL into Redis by the tools of both: `psql \copy | mawk | redis-cli --pipe`, with HSET x 500. The values
    /// are the rows as PostgreSQL prints them, and not JSON. Returns the time from start to exit.
    pub(crate) fn pipe(&self, server: &Server) -> Result<Duration> {
        let script = repository().join("host/bench/peers/hset.awk");
        let pipe = format!(
            "set -o pipefail; psql -X -q -d \"$URL\" -c '\\copy {TABLE} to stdout' | mawk -F '\\t' -f \"$SCRIPT\" | redis-cli -p {} \
             --pipe",
            server.port()
        );
        let took = time(Command::new("bash").args(["-c", &pipe]).env("URL", self.url()?).env("SCRIPT", script))?;
        let written: u32 = server.command(&["HLEN", "pipe"])?;
        ensure!(written == self.rows, "the pipe has written {written} rows");
        Ok(took)
    }
}

/// Runs a command, and returns the time from its start to its end.
fn time(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("{:?}", command.get_program()))?;
    let took = started.elapsed();
    ensure!(status.success(), "{:?} failed: {status}", command.get_program());
    Ok(took)
}
