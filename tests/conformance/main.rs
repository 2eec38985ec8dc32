//! The conformance kit: what a reader of the store protocol must say, as cases in data, and the readers that are held
//! against them. See `README.md` in this directory.

mod bytes;
mod case;
mod driver;
mod proxy;
mod recorder;
mod recording;
#[path = "../../host/store/tests/support/redis_server.rs"]
mod redis_server;
mod replay;
mod run;
mod rust_reader;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use driver::{Driver, Process, file, python};
use recording::{Recordings, UPDATE};
use run::Bench;
use rust_reader::RustReader;

/// Longer than anything that works takes, even on a machine that is busy with other tests.
const LONG: Duration = Duration::from_secs(60);

/// What was recorded once; or anew, if that is asked for.
fn recorded() -> Arc<Recordings> {
    Arc::new(Recordings::checked_in())
}

/// What today's host writes.
fn of_today() -> Arc<Recordings> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let recordings = runtime.block_on(recorder::record());
    if std::env::var_os(UPDATE).is_some() {
        recordings.write();
    }
    Arc::new(recordings)
}

fn rust(url: &str) -> Driver {
    Driver::Rust(RustReader::new(url.to_owned()))
}

fn reference(url: &str) -> Driver {
    reference_without(None, url)
}

fn reference_without(rule: Option<&str>, url: &str) -> Driver {
    let (python, driver) = (python(), file("reference/driver.py"));
    let mut command = vec![python.to_str().expect("a path"), driver.to_str().expect("a path")];
    command.extend(rule.iter().flat_map(|rule| ["--without", rule]));
    Driver::Process(Process::start(&command, url))
}

#[test]
fn the_rust_reader() {
    Bench::new(recorded(), rust).run(&case::all()).assert_all();
}

#[test]
fn the_reference_in_python() {
    Bench::new(recorded(), reference).run(&case::all()).assert_all();
}

#[test]
fn what_todays_host_writes_is_read_by_all() {
    let today = of_today();
    for driver in [rust, reference] {
        Bench::new(Arc::clone(&today), driver).run(&case::all()).assert_all();
    }
}

/// The reference with one rule left out. The cases must show the difference: if none does, they do not hold that rule.
#[test]
fn a_reference_without_a_rule_fails() {
    let (cases, recordings) = (case::all(), recorded());
    let rules: BTreeMap<String, Vec<[String; 2]>> =
        serde_json::from_slice(&std::fs::read(file("reference/rules.json")).expect("the rules")).expect("rules");
    let not_held: Vec<&String> = rules
        .keys()
        .filter(|rule| {
            let driver = |url: &str| reference_without(Some(rule), url);
            let mut bench = Bench::with_patience(Duration::from_secs(2), Arc::clone(&recordings), driver);
            let failed = cases.iter().enumerate().find(|(number, case)| bench.run_case(case, *number).is_err());
            println!("without {rule}: {}", failed.map_or("-", |(_, case)| &case.name));
            failed.is_none()
        })
        .collect();
    println!("{} of {} rules are held by a case", rules.len() - not_held.len(), rules.len());
    assert!(not_held.is_empty(), "no case fails without these rules: {not_held:#?}");
}
