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
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use driver::{Driver, Process, file, python_of_the_package, python_of_the_reference};
use recording::{Recordings, UPDATE};
use run::{Bench, show};
use rust_reader::RustReader;

/// Longer than anything that works takes, even on a machine that is busy with other tests.
const LONG: Duration = Duration::from_secs(60);

/// What was recorded once.
fn recorded() -> Arc<Recordings> {
    Arc::new(Recordings::checked_in())
}

/// What today's host writes; it is checked in if that is asked for.
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
    in_python(&python_of_the_reference(), "reference/driver.py", url)
}

fn python_package(url: &str) -> Driver {
    in_python(&python_of_the_package(), "kiwi_cache_reader.py", url)
}

fn in_python(python: &Path, driver: &str, url: &str) -> Driver {
    let driver = file(driver);
    let command = [python.to_str().expect("a path"), driver.to_str().expect("a path")];
    Driver::Process(Process::start(&command, url))
}

/// How many processes of the reference are tried with rules left out at the same time.
const THREADS: usize = 4;

/// Another reader that is to be held against the cases: the command that starts its driver.
const ANOTHER: &str = "KIWI_CONFORMANCE_READER";

/// Starts a reader of the Redis at a URL.
type Start = Box<dyn Fn(&str) -> Driver>;

/// The readers in other languages.
fn foreign_readers() -> Vec<Start> {
    let mut readers: Vec<Start> = vec![Box::new(reference), Box::new(python_package)];
    if let Ok(command) = std::env::var(ANOTHER) {
        let words = move |url: &str| Process::start(&command.split_whitespace().collect::<Vec<_>>(), url);
        readers.push(Box::new(move |url| Driver::Process(words(url))));
    }
    readers
}

#[test]
fn the_rust_reader() {
    Bench::new(recorded(), rust).run(&case::all()).assert_all("what was recorded");
}

#[test]
fn the_readers_in_other_languages() {
    for reader in foreign_readers() {
        Bench::new(recorded(), reader).run(&case::all()).assert_all("what was recorded");
    }
}

#[test]
fn what_todays_host_writes_is_read_by_all() {
    let today = of_today();
    for reader in foreign_readers().into_iter().chain([Box::new(rust) as _]) {
        Bench::new(Arc::clone(&today), reader).run(&case::all()).assert_all("what today's host writes");
    }
}

/// The reference with one rule left out. The cases must show the difference: if none does, they do not hold that rule.
#[test]
fn a_reference_without_a_rule_fails() {
    let cases = case::all();
    let rules: BTreeMap<String, Vec<[String; 2]>> =
        serde_json::from_slice(&std::fs::read(file("reference/rules.json")).expect("the rules")).expect("rules");
    let names: Vec<&String> = rules.keys().collect();
    let not_held = |rules: &[&String]| -> Vec<String> {
        let mut bench = Bench::new(recorded(), reference).with_patience(Duration::from_secs(2));
        let mut is_held = |rule: &str| {
            bench.leave_out(rule);
            let failed = cases.iter().enumerate().find(|(number, case)| bench.run_case(case, *number).is_err());
            println!("without {rule}: {}", failed.map_or("no case fails", |(_, case)| &case.name));
            failed.is_some()
        };
        rules.iter().filter(|rule| !is_held(rule)).map(ToString::to_string).collect()
    };
    let not_held: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            names.chunks(names.len().div_ceil(THREADS)).map(|rules| scope.spawn(|| not_held(rules))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a driver that answers")).collect()
    });
    show(&format!("rules that a case holds: {} of {}", rules.len() - not_held.len(), rules.len()));
    assert!(not_held.is_empty(), "no case fails without these rules: {not_held:#?}");
}
