//! PgBouncer in front of a PostgreSQL server, with connections of the server that clients share transaction by
//! transaction.

use std::net::TcpStream;
use std::process::Command;

use super::guarded::{Guarded, free_port, is_root, run, wait_until};
use super::postgres::{PASSWORD, Postgres, PostgresDatabase};

/// One that leads to a server.
pub(crate) struct PgBouncer {
    _server: Guarded,
    _dir: tempfile::TempDir,
    port: u16,
}

impl PgBouncer {
    pub(crate) fn start(postgres: &Postgres, database: &PostgresDatabase<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (port, log) = (free_port(), dir.path().join("log"));
        let users = dir.path().join("users");
        std::fs::write(&users, format!("\"{}\" \"{PASSWORD}\"\n", database.name())).expect("a file");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nunix_socket_dir =\n",
            postgres.port(),
            users.display()
        );
        let file = dir.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("a file");
        let mut words = vec!["pgbouncer", file.to_str().expect("a path")];
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres"]).arg(dir.path()));
            words.splice(0..0, ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        let server = Guarded::start("INT", &words, &log);
        wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok(), &log);
        Self { _server: server, _dir: dir, port }
    }

    /// A database behind it.
    pub(crate) fn url(&self, database: &PostgresDatabase<'_>) -> String {
        format!("postgres://{0}:{PASSWORD}@127.0.0.1:{1}/{0}", database.name(), self.port)
    }
}
