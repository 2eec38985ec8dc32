//! A directory with a kiwi.toml, and the command run in it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::built::{embed, kiwi_host};
use super::process::Running;

/// An empty directory to run the command in.
pub(crate) struct Desk {
    dir: TempDir,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::with_prefix("kiwi-host-").expect("a temporary directory") }
    }

    /// One with a configuration.
    pub(crate) fn with(kiwi_toml: &str) -> Self {
        let desk = Self::new();
        desk.file("kiwi.toml", kiwi_toml);
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts a file here.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file in the temporary directory");
    }

    /// The command, in this directory and in an environment of its own.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(kiwi_host());
        command.args(args);
        self.place(&mut command);
        command
    }

    /// The command behind a line of shell, which sees it as `"$@"`.
    pub(crate) fn shell(&self, line: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(kiwi_host()).args(args);
        self.place(&mut command);
        command
    }

    fn place(&self, command: &mut Command) {
        // What is compiled is kept for all tests: each compiles a loader once.
        let compiled = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
        command.current_dir(self.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("XDG_CACHE_HOME", compiled).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.command(args).output().expect("kiwi-host is started").into()
    }

    /// Starts the command.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    /// Starts the service of `examples/embed`, on a free port.
    pub(crate) fn start_embed(&self, redis: &str) -> Running {
        let mut command = Command::new(embed());
        self.place(&mut command);
        Running::start(command.env("REDIS_URL", redis).env("LISTEN", "127.0.0.1:0"))
    }

    /// Starts the command behind a line of shell.
    pub(crate) fn start_in_shell(&self, line: &str, args: &[&str]) -> Running {
        Running::start(&mut self.shell(line, args))
    }
}

impl Ended {
    /// Panics with all that was said unless the command ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
