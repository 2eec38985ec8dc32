//! Running another program. Its command line is printed first; a failure is an error.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One command, run in the directory of the repository.
pub(crate) struct Run(Command);

impl Run {
    /// A program from `PATH`.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        Self(command)
    }

    /// Another directory to run in.
    pub(crate) fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.0.args(args);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it until it exits. It shares our standard output and error.
    pub(crate) fn run(mut self) -> Result<()> {
        say(&self.line());
        let status = self.0.status().with_context(|| format!("could not start `{}`", self.line()))?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    /// Runs it until it exits, and passes each line of its standard output to `on_line`.
    pub(crate) fn run_with_lines(mut self, mut on_line: impl FnMut(&str)) -> Result<()> {
        say(&self.line());
        let mut child =
            self.0.stdout(Stdio::piped()).spawn().with_context(|| format!("could not start `{}`", self.line()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        for line in BufReader::new(stdout).lines() {
            on_line(&line.with_context(|| format!("could not read the output of `{}`", self.line()))?);
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    /// Runs it until it exits, and returns its standard output.
    pub(crate) fn capture(mut self) -> Result<String> {
        let output =
            self.0.stderr(Stdio::inherit()).output().with_context(|| format!("could not start `{}`", self.line()))?;
        if !output.status.success() {
            bail!("`{}` failed ({})", self.line(), output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("the output of `{}` is not UTF-8", self.line()))
    }

    /// Whether it can be started and succeeds. Prints nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    }

    /// Replaces this process with the command, so that the command gets Ctrl-C itself. Returns only on failure.
    pub(crate) fn exec(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt;
        say(&self.line());
        let error = self.0.exec();
        Err(error).with_context(|| format!("could not start `{}`", self.line()))
    }

    fn line(&self) -> String {
        let program = std::path::Path::new(self.0.get_program()).file_name().unwrap_or(self.0.get_program());
        let root = format!("{}/", workspace::root().display());
        let words = std::iter::once(program).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy().replace(&root, "")).collect::<Vec<_>>().join(" ")
    }
}

/// Prints a line about progress to standard error.
pub(crate) fn say(line: &str) {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        eprintln!("\x1b[1;36m==>\x1b[0m {line}");
    } else {
        eprintln!("==> {line}");
    }
}
