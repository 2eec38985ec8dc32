//! `cargo xtask test`: sets up, builds and runs the tests, and counts them.

use std::fmt;

use anyhow::{Result, bail, ensure};

use crate::cargo::{cargo, cargo_in, shared_target_dir, target_dir};
use crate::command::{Run, say};
use crate::{components, examples, host, python, python_reader, setup, workspace};

/// Which tests to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments for `cargo test` in the host's workspace, such as `-p kiwi-cache` or the name of a test
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CARGO TEST ARGS")]
    rest: Vec<String>,
}

/// Runs all tests, or those that the arguments select.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    setup::redis_server()?;
    setup::databases()?;
    python::install_kiwi_cache()?;
    python::install_reference_reader()?;
    components::build_plugins()?;
    components::build_guests()?;
    examples::build()?;
    let whole = args.rest.is_empty();
    if !whole {
        // End-to-end tests start the command. Testing the whole workspace builds it anyway.
        host::build_command()?;
    }

    let mut counts = Counts::default();
    let scope: &[&str] = if whole { &["--workspace", "--no-fail-fast"] } else { &[] };
    let host = counts.add(cargo("test").args(scope).args(&args.rest));
    let plugins = if whole {
        let dir = workspace::plugins();
        let tests = cargo_in(&dir, "test", &shared_target_dir(&dir)?);
        counts.add(tests.args(["--workspace", "--no-fail-fast"]))
    } else {
        Ok(())
    };
    let reader = if whole {
        // Testing the whole workspace has built it.
        let command = target_dir()?.join("debug/kiwi-host");
        python_reader::test(&command).and_then(|outcome| counts.add_python(outcome))
    } else {
        Ok(())
    };
    say(&format!("tests: {counts}"));
    host.and(plugins)?;
    reader?;
    if counts.passed == 0 {
        bail!("no test ran: does `{}` match one?", args.rest.join(" "));
    }
    Ok(())
}

/// The number of tests, summed over all test programs.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Runs tests, prints their output and counts them.
    fn add(&mut self, tests: Run) -> Result<()> {
        tests.run_with_lines(|line| {
            println!("{line}");
            if let Some(result) = line.strip_prefix("test result: ") {
                self.passed += count(result, "passed");
                self.failed += count(result, "failed");
                self.ignored += count(result, "ignored");
            }
        })
    }

    /// Adds what pytest has counted.
    fn add_python(&mut self, outcome: python_reader::Outcome) -> Result<()> {
        self.passed += outcome.passed;
        self.failed += outcome.failed;
        self.ignored += outcome.skipped;
        ensure!(outcome.failed == 0, "{} tests of the Python reader failed", outcome.failed);
        Ok(())
    }
}

/// The number before a word, as in `ok. 12 passed; 0 failed`.
fn count(result: &str, word: &str) -> u64 {
    let mut words = result.split([' ', ';']);
    let mut before = None;
    words
        .find(|&found| {
            found == word || {
                before = Some(found);
                false
            }
        })
        .and(before)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_parsed_from_the_summary_of_a_test_program() {
        let line = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "ignored")), (12, 3, 1));
    }
}
