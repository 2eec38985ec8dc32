//! `cargo xtask test`: all set-up, then every test, and how many there were.

use std::fmt;

use anyhow::{Result, bail};

use crate::command::{Run, say};
use crate::{examples, plugins, python, setup, workspace};

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Handed to `cargo test` for the host's crates, for example `-p kiwi-cache` or a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CARGO TEST ARGS")]
    rest: Vec<String>,
}

/// Runs every test, or those that the arguments choose.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    setup::redis_server()?;
    python::kiwi_cache()?;
    plugins::build()?;
    plugins::build_guests()?;
    examples::build()?;
    let whole = args.rest.is_empty();
    if !whole {
        // End-to-end tests start the command as a process of its own. Testing all crates builds it.
        plugins::build_command()?;
    }

    let mut counts = Counts::default();
    let scope: &[&str] = if whole { &["--workspace", "--no-fail-fast"] } else { &[] };
    let host = counts.add(Run::cargo("test").args(scope).args(&args.rest));
    let loaders = if whole {
        counts.add(workspace::cargo_in(&workspace::plugins(), "test").args(["--workspace", "--no-fail-fast"]))
    } else {
        Ok(())
    };
    say(&format!("tests: {counts}"));
    host.and(loaders)?;
    if counts.passed == 0 {
        bail!("no test ran: is `{}` the name of one?", args.rest.join(" "));
    }
    Ok(())
}

/// How many tests there were, added up over all test programs.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Runs tests, showing their output and counting them.
    fn add(&mut self, tests: Run) -> Result<()> {
        tests.run_seeing(|line| {
            println!("{line}");
            if let Some(result) = line.strip_prefix("test result: ") {
                self.passed += count(result, "passed");
                self.failed += count(result, "failed");
                self.ignored += count(result, "ignored");
            }
        })
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
    fn counts_are_read_from_the_line_of_a_test_program() {
        let line = "FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "ignored")), (12, 3, 1));
    }
}
