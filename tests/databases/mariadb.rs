//! MariaDB.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::guarded::{Guarded, free_port, is_root, run, unique};

/// The password of each user but root's.
pub(crate) const PASSWORD: &str = "s3cret-of-mariadb";

/// The kernel has few places for asynchronous requests, which all servers of a machine share.
const AIO: &[&str] = &["--innodb-use-native-aio=0"];

/// A server.
pub(crate) struct MariaDb {
    _server: Guarded,
    dir: tempfile::TempDir,
    port: u16,
}

/// A database of one test, with a user that may read it.
pub(crate) struct MariaDbDatabase<'s> {
    server: &'s MariaDb,
    name: String,
}

impl MariaDb {
    /// That of this program.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// One of a test's own, with more arguments, such as `--max-connections=5`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (data, socket, log) = (dir.path().join("data"), dir.path().join("s.sock"), dir.path().join("log"));
        let datadir = format!("--datadir={}", data.display());
        let user: &[&str] = if is_root() { &["--user=root"] } else { &[] };
        run(Command::new("mariadb-install-db")
            .args(["--no-defaults", &datadir, "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(AIO)
            .args(user));
        let socket_argument = format!("--socket={}", socket.display());
        let own = [
            "mariadbd",
            "--no-defaults",
            &datadir,
            &socket_argument,
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
            "--skip-log-bin",
        ];
        let words: Vec<String> = [&own[..], AIO, user, arguments].concat().into_iter().map(str::to_owned).collect();
        let port = Cell::new(0);
        let command = || {
            port.set(free_port());
            words.iter().cloned().chain([format!("--port={}", port.get())]).collect()
        };
        let is_ready =
            || client(dir.path(), "").args(["-e", "SELECT 1"]).output().is_ok_and(|done| done.status.success());
        let server = Guarded::start("TERM", &log, command, is_ready);
        let port = port.get();
        Self { _server: server, dir, port }
    }

    /// A new database, and a user of the same name that may read it.
    pub(crate) fn database(&self) -> MariaDbDatabase<'_> {
        let name = unique("kiwi");
        let database = MariaDbDatabase { server: self, name: name.clone() };
        run(self.client("").args(["-e", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")]));
        for host in ["127.0.0.1", "localhost"] {
            database.sql(&format!("CREATE USER {name}@'{host}' IDENTIFIED BY '{PASSWORD}'"));
            database.sql(&format!("GRANT SELECT ON {name}.* TO {name}@'{host}'"));
        }
        database
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn client(&self, database: &str) -> Command {
        client(self.dir.path(), database)
    }
}

/// The client of the server in this directory.
fn client(dir: &Path, database: &str) -> Command {
    let mut client = Command::new("mariadb");
    client.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "-uroot"]);
    client.arg(format!("--socket={}", dir.join("s.sock").display()));
    if !database.is_empty() {
        client.arg(database);
    }
    client
}

impl MariaDbDatabase<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, for the user that may read.
    pub(crate) fn url(&self) -> String {
        format!("mysql://{0}:{PASSWORD}@127.0.0.1:{1}/{0}", self.name, self.server.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    /// The password of the user that may read.
    pub(crate) fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs statements as root, and returns what they print.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) -> String {
        run(self.server.client(&self.name).args(["-e", statements])).trim().to_owned()
    }

    /// How many connections of the reading user do something.
    pub(crate) fn busy(&self) -> u32 {
        let count = format!(
            "SELECT count(*) FROM information_schema.processlist WHERE user = '{}' AND command <> 'Sleep'",
            self.name
        );
        self.sql(&count).parse().expect("a number")
    }
}
