//! PostgreSQL.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::guarded::{Guarded, free_port, is_root, run, unique};

/// The password of each role but the superuser's.
pub(crate) const PASSWORD: &str = "s3cret-of-postgres";

/// A server.
pub(crate) struct Postgres {
    server: Option<Guarded>,
    dir: tempfile::TempDir,
    port: u16,
}

/// A database of one test, with a role that may read its tables.
pub(crate) struct PostgresDatabase<'s> {
    server: &'s Postgres,
    name: String,
}

impl Postgres {
    /// That of this program.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// One of a test's own, with more settings, such as `max_connections=5`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(dir.path()));
        }
        let mut server = Self { server: None, dir, port: 0 };
        let data = server.data();
        run(server
            .as_owner("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data));
        let access = "local all all trust\nlocal replication all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), access).expect("the data directory is ours");
        server.configure("listen_addresses = '127.0.0.1'\nfsync = off\nlog_statement = 'none'");
        settings.iter().for_each(|setting| server.configure(setting));
        server.first_start();
        server
    }

    /// Where somebody else takes its port before it does, another is tried.
    fn first_start(&mut self) {
        let (server, port) = self.run_on(free_port, |status| status == Some(0));
        (self.server, self.port) = (Some(server), port);
    }

    /// One that also speaks TLS, with this certificate and its key.
    pub(crate) fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        let mut server = Self::start(&[]);
        server.stop();
        for (file, from) in [("server.crt", certificate), ("server.key", key)] {
            let to = server.data().join(file);
            std::fs::copy(from, &to).expect("a copy");
            run(Command::new("chmod").arg("600").arg(&to));
            if is_root() {
                run(Command::new("chown").arg("postgres").arg(&to));
            }
        }
        server.configure("ssl = on");
        server.restart();
        server
    }

    /// A copy of it, with everything that it has committed, and with more settings.
    pub(crate) fn copy(&self, settings: &[&str]) -> Self {
        let mut copy = self.backup(&[]);
        settings.iter().for_each(|setting| copy.configure(setting));
        copy.first_start();
        copy
    }

    /// A standby that follows it, with more settings.
    pub(crate) fn standby(&self, settings: &[&str]) -> Self {
        let mut standby = self.backup(&["--write-recovery-conf"]);
        settings.iter().for_each(|setting| standby.configure(setting));
        standby.first_start();
        standby
    }

    fn backup(&self, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(dir.path()));
        }
        let copy = Self { server: None, dir, port: 0 };
        run(self
            .as_owner("pg_basebackup")
            .args(["-U", "postgres", "--checkpoint=fast", "--no-sync", "-p", &self.port.to_string(), "-h"])
            .arg(self.dir.path())
            .arg("-D")
            .arg(copy.data())
            .args(arguments));
        copy
    }

    /// Adds a line to its configuration, for its next start.
    pub(crate) fn configure(&self, line: &str) {
        let conf = self.data().join("postgresql.conf");
        let known = std::fs::read_to_string(&conf).expect("its configuration");
        std::fs::write(conf, format!("{known}{line}\n")).expect("the data directory is ours");
    }

    /// Puts a line before those that say who may connect, for its next start.
    pub(crate) fn let_in(&self, line: &str) {
        let access = self.data().join("pg_hba.conf");
        let known = std::fs::read_to_string(&access).expect("its configuration");
        std::fs::write(access, format!("{line}\n{known}")).expect("the data directory is ours");
    }

    /// Ends it as fast as it can, and all its connections.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.restart_until(|status| status == Some(0));
    }

    /// Starts it again, although it will take no queries.
    pub(crate) fn restart_closed(&mut self) {
        self.restart_until(|status| status == Some(1));
    }

    /// Until `pg_isready` ends with such a status.
    fn restart_until(&mut self, is_ready: impl Fn(Option<i32>) -> bool) {
        self.stop();
        let port = self.port;
        self.server = Some(self.run_on(|| port, is_ready).0);
    }

    /// Starts it on the port that `port` gives, until `pg_isready` ends with such a status. Returns the port, too.
    fn run_on(&self, mut port: impl FnMut() -> u16, is_ready: impl Fn(Option<i32>) -> bool) -> (Guarded, u16) {
        let log = self.dir.path().join("log");
        let postgres = self.as_owner("postgres");
        let words = std::iter::once(postgres.get_program()).chain(postgres.get_args());
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let tried = Cell::new(0);
        let command = || {
            tried.set(port());
            let (data, sockets) = (self.data().display().to_string(), self.dir.path().display().to_string());
            let own = ["-D".into(), data, "-p".into(), tried.get().to_string(), "-k".into(), sockets];
            words.iter().cloned().chain(own).collect()
        };
        let status = || {
            let mut ready = self.as_owner("pg_isready");
            ready.args(["-q", "-U", "postgres", "-p", &tried.get().to_string(), "-h"]).arg(self.dir.path());
            is_ready(ready.status().ok().and_then(|status| status.code()))
        };
        let server = Guarded::start("INT", &log, command, status);
        (server, tried.get())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The directory with its socket.
    pub(crate) fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// A new database, and a role of the same name that may read what the superuser creates in it.
    pub(crate) fn database(&self) -> PostgresDatabase<'_> {
        let name = unique("kiwi");
        for statement in [format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"), format!("CREATE DATABASE {name}")]
        {
            run(self.psql("postgres").args(["-c", &statement]));
        }
        let database = PostgresDatabase { server: self, name };
        database.sql(&format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {}", database.name));
        database
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A program of the server, as the user that owns its data.
    fn as_owner(&self, program: &str) -> Command {
        let program = programs().join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command.current_dir("/");
        command
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]);
        psql.arg(self.dir.path()).args(["-p", &self.port.to_string()]);
        psql
    }
}

/// Debian keeps the server's programs out of PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or_default());
    newest.map_or_else(PathBuf::new, |version| version.path().join("bin"))
}

impl PostgresDatabase<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same database on a copy or a standby of its server.
    pub(crate) fn at<'o>(&self, other: &'o Postgres) -> PostgresDatabase<'o> {
        PostgresDatabase { server: other, name: self.name.clone() }
    }

    /// Where it is, for the role that may read.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{0}:{PASSWORD}@127.0.0.1:{1}/{0}", self.name, self.server.port)
    }

    /// The password of the role that may read.
    pub(crate) fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs statements as the superuser, and returns what they print.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) -> String {
        run(self.server.psql(&self.name).args(["-c", statements])).trim().to_owned()
    }

    /// How many connections of the reading role do something.
    pub(crate) fn busy(&self) -> u32 {
        let count =
            format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}' AND state <> 'idle'", self.name);
        self.sql(&count).parse().expect("a number")
    }

    /// How many connections of the reading role there are.
    pub(crate) fn connections(&self) -> u32 {
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", self.name);
        self.sql(&count).parse().expect("a number")
    }
}
