//! PgBouncer in front of a PostgreSQL server, with connections of the server that clients share transaction by
//! transaction.

use std::cell::Cell;
use std::net::TcpStream;
use std::process::Command;

use super::guarded::{Guarded, free_port, is_root, run};
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
        let log = dir.path().join("log");
        let users = dir.path().join("users");
        std::fs::write(&users, format!("\"{}\" \"{PASSWORD}\"\n", database.name())).expect("a file");
        let file = dir.path().join("pgbouncer.ini");
        let mut words = vec!["pgbouncer".to_owned(), file.display().to_string()];
        if is_root() {
            let owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
            words.splice(0..0, owner.map(str::to_owned));
        }
        let port = Cell::new(0);
        let command = || {
            port.set(free_port());
            let configuration = format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
                 auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nunix_socket_dir =\n",
                postgres.port(),
                port.get(),
                users.display()
            );
            std::fs::write(&file, configuration).expect("a file");
            if is_root() {
                run(Command::new("chown").args(["-R", "postgres"]).arg(dir.path()));
            }
            words.clone()
        };
        let server = Guarded::start("INT", &log, command, || TcpStream::connect(("127.0.0.1", port.get())).is_ok());
        Self { _server: server, port: port.get(), _dir: dir }
    }

    /// A database behind it.
    pub(crate) fn url(&self, database: &PostgresDatabase<'_>) -> String {
        format!("postgres://{0}:{PASSWORD}@127.0.0.1:{1}/{0}", database.name(), self.port)
    }
}
