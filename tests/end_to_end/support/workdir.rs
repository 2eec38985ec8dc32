//! A temporary directory with a kiwi.toml, and the command run in it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::built::{embed, kiwi_host};
use super::process::Running;

/// An empty directory to run the command in.
pub(crate) struct WorkDir {
    dir: TempDir,
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub(crate) struct Exited {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl WorkDir {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::with_prefix("kiwi-host-").expect("a temporary directory") }
    }

    /// A directory with a configuration.
    pub(crate) fn with(kiwi_toml: &str) -> Self {
        let workdir = Self::new();
        workdir.file("kiwi.toml", kiwi_toml);
        workdir
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file in this directory.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file in the temporary directory");
    }

    /// The command, in this directory and with a clean environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(kiwi_host());
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// A line of shell, in which `"$@"` is the command.
    pub(crate) fn shell(&self, line: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(kiwi_host()).args(args);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        // Compiled plugins are shared by all tests.
        let compiled = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache");
        command.current_dir(self.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("XDG_CACHE_HOME", compiled).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs the command until it exits.
    pub(crate) fn run(&self, args: &[&str]) -> Exited {
        self.command(args).output().expect("kiwi-host starts").into()
    }

    /// Starts the command.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    /// Starts the service of `examples/embed`, on a free port.
    pub(crate) fn start_embed(&self, redis: &str) -> Running {
        let mut command = Command::new(embed());
        self.prepare(&mut command);
        Running::start(command.env("REDIS_URL", redis).env("LISTEN", "127.0.0.1:0"))
    }

    /// Starts a line of shell, in which `"$@"` is the command.
    pub(crate) fn start_in_shell(&self, line: &str, args: &[&str]) -> Running {
        Running::start(&mut self.shell(line, args))
    }
}

impl Exited {
    /// Panics with the output unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Exited {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
