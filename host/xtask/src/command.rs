//! Running another program: said before, and an error when it fails.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One command, run in the repository's directory.
pub(crate) struct Run(Command);

impl Run {
    /// A program from `PATH`.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        Self(command)
    }

    /// `cargo TASK`, by the cargo that runs us.
    pub(crate) fn cargo(task: &str) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).arg(task)
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

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end, its output going where ours goes.
    pub(crate) fn run(mut self) -> Result<()> {
        say(&self.line());
        let status = self.0.status().with_context(|| format!("`{}` cannot be started", self.line()))?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    /// Runs it to its end, handing each line of its standard output to `seen`.
    pub(crate) fn run_seeing(mut self, mut seen: impl FnMut(&str)) -> Result<()> {
        say(&self.line());
        let mut child =
            self.0.stdout(Stdio::piped()).spawn().with_context(|| format!("`{}` cannot be started", self.line()))?;
        let stdout = child.stdout.take().context("its output is piped")?;
        for line in BufReader::new(stdout).lines() {
            seen(&line.with_context(|| format!("the output of `{}` cannot be read", self.line()))?);
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.line());
        }
        Ok(())
    }

    /// Runs it to its end and gives its standard output.
    pub(crate) fn capture(mut self) -> Result<String> {
        let output =
            self.0.stderr(Stdio::inherit()).output().with_context(|| format!("`{}` cannot be started", self.line()))?;
        if !output.status.success() {
            bail!("`{}` failed ({})", self.line(), output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("the output of `{}` is no text", self.line()))
    }

    /// Whether it can be started and succeeds. Says nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    }

    /// Becomes this command, so that a Ctrl-C is its own business. Returns only if that fails.
    pub(crate) fn become_it(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt;
        say(&self.line());
        let error = self.0.exec();
        Err(error).with_context(|| format!("`{}` cannot be started", self.line()))
    }

    fn line(&self) -> String {
        let program = std::path::Path::new(self.0.get_program()).file_name().unwrap_or(self.0.get_program());
        let root = format!("{}/", workspace::root().display());
        let words = std::iter::once(program).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy().replace(&root, "")).collect::<Vec<_>>().join(" ")
    }
}

/// One line about what goes on, on standard error.
pub(crate) fn say(line: &str) {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        eprintln!("\x1b[1;36m==>\x1b[0m {line}");
    } else {
        eprintln!("==> {line}");
    }
}
