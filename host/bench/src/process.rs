//! Running other programs, and reading their processor time and memory from Linux' /proc.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The unit of processor time in /proc: 1/100 s on all platforms that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// A program that is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("could not start {:?}", command.get_program()))?;
        Ok(Self(child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has already exited, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that runs until this is dropped, with its log in a file.
pub(crate) struct Service {
    process: Process,
    log: PathBuf,
}

impl Service {
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?))?;
        Ok(Self { process, log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// An error with the log, if the program has exited.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.process.0.try_wait()? {
            Some(status) => bail!("the program exited ({status}): {}", fs::read_to_string(&self.log)?.trim()),
            None => Ok(()),
        }
    }
}

/// A program that answers each line of its standard input with a line of JSON.
pub(crate) struct Peer {
    process: Process,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let requests = process.0.stdin.take().context("stdin is piped")?;
        let answers = BufReader::new(process.0.stdout.take().context("stdout is piped")?);
        Ok(Self { process, requests, answers })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    pub(crate) fn ask(&mut self, request: &str) -> Result<Value> {
        writeln!(self.requests, "{request}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("the answer to `{request}` was {answer:?}"))
    }

    /// Sends a request, and returns the number of this name in the answer.
    pub(crate) fn ask_number(&mut self, request: &str, name: &str) -> Result<f64> {
        let answer = self.ask(request)?;
        answer[name].as_f64().with_context(|| format!("the answer to `{request}` has no {name}: {answer}"))
    }
}

/// The processor time that a process has used.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name, in brackets, may contain spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("/proc/PID/stat has no times")?;
    Ok(Duration::from_secs_f64((user + system) / TICKS_PER_SECOND))
}

/// The resident memory of a process, in bytes.
pub(crate) fn memory(pid: u32) -> Result<f64> {
    status(pid, "VmRSS")
}

/// The peak of its resident memory so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<f64> {
    status(pid, "VmHWM")
}

/// A number of kilobytes in /proc/PID/status, in bytes.
fn status(pid: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let value = value.with_context(|| format!("/proc/PID/status has no {field}"))?;
    let kilobytes: f64 = value.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}
