//! Runs cases on a reader, and compares what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::LONG;
use crate::case::{Case, Event, LookUp, Says, Step};
use crate::driver::{Abilities, Answer, Driver};
use crate::proxy::Proxy;
use crate::recording::Recordings;
use crate::redis_server::RedisServer;
use crate::replay::{Scene, connect};

/// What came of all cases on one reader.
pub(crate) struct Outcome {
    reader: String,
    passed: usize,
    /// How many cases need what this reader cannot do.
    left_out: usize,
    /// What they need.
    lacks: BTreeSet<&'static str>,
    /// The case, the step, what was expected, and what the reader said.
    failures: Vec<String>,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn assert_all(&self, of: &str) {
        let Self { reader, passed, left_out, lacks, failures } = self;
        let all = passed + failures.len();
        show(&format!("{reader}, {of}: {passed} of {all}"));
        if *left_out > 0 {
            show(&format!("  {left_out} cases are left out: this reader lacks {lacks:?}"));
        }
        assert!(failures.is_empty(), "{reader}: {passed} of {all}\n\n{}\n", failures.join("\n\n"));
    }
}

/// Prints a line although the test passes.
pub(crate) fn show(line: &str) {
    // A test that cannot print goes on.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A redis-server, and a reader of it.
pub(crate) struct Bench {
    server: RedisServer,
    proxy: Arc<Proxy>,
    driver: Driver,
    recordings: Arc<Recordings>,
    abilities: Abilities,
    /// How long to wait until the reader says what it must.
    patience: Duration,
}

impl Bench {
    pub(crate) fn new(recordings: Arc<Recordings>, driver: impl FnOnce(&str) -> Driver) -> Self {
        let server = RedisServer::start();
        let proxy = Arc::new(Proxy::to(server.port()));
        let mut driver = driver(&proxy.url());
        let abilities = driver.abilities();
        Self { server, proxy, driver, recordings, abilities, patience: LONG }
    }

    /// For a reader that is expected to fail.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A rule that the reference does not follow from now on.
    pub(crate) fn leave_out(&mut self, rule: &str) {
        let answer = self.driver.ask(json!({ "do": "leave_out", "rule": rule }));
        assert_eq!(answer, json!({}), "{rule}");
    }

    pub(crate) fn run(&mut self, cases: &[Case]) -> Outcome {
        let (mut passed, mut left_out, mut lacks, mut failures) = (0, 0, BTreeSet::new(), Vec::new());
        for (number, case) in cases.iter().enumerate() {
            let missing = case.needs().into_iter().filter(|&need| !self.abilities.can.iter().any(|can| can == need));
            let missing: BTreeSet<_> = missing.collect();
            if !missing.is_empty() {
                left_out += 1;
                lacks.extend(missing);
                continue;
            }
            match self.run_case(case, number) {
                Ok(()) => passed += 1,
                Err(failure) => failures.push(failure),
            }
        }
        Outcome { reader: self.abilities.reader.clone(), passed, left_out, lacks, failures }
    }

    /// Whether a case works on this reader.
    pub(crate) fn run_case(&mut self, case: &Case, number: usize) -> Result<(), String> {
        redis::cmd("FLUSHALL").exec(&mut connect(&self.server.url())).expect("our own Redis answers");
        let scene = Scene {
            recordings: Arc::clone(&self.recordings),
            url: self.server.url(),
            proxy: Arc::clone(&self.proxy),
            prefix: format!("c{number}:"),
        };
        let mut outcome = Ok(());
        for (place, step) in case.steps.iter().enumerate() {
            outcome = self.step(&scene, step).map_err(|difference| {
                format!("{}\n  case `{}`, step {}:\n  {difference}", self.abilities.reader, case.name, place + 1)
            });
            if outcome.is_err() {
                break;
            }
        }
        self.driver.ask(json!({ "do": "close" }));
        let has_not_happened = self.proxy.reset();
        if outcome.is_ok() && has_not_happened {
            return Err(format!("{}\n  case `{}`: it never asked", self.abilities.reader, case.name));
        }
        outcome
    }

    fn step(&mut self, scene: &Scene, step: &Step) -> Result<(), String> {
        match step {
            Step::Event(event) => scene.play(event),
            Step::Open(settings) => {
                self.driver.ask(json!({ "do": "open", "key_prefix": scene.prefix, "settings": settings }));
                if settings.listen {
                    self.wait_for_subscriber(scene);
                }
            }
            Step::Reload(_) => drop(self.driver.ask(json!({ "do": "reload" }))),
            Step::Says(says) => return self.says(scene, says),
            Step::LookUp(look_up) => return self.look_up(scene, look_up),
        }
        Ok(())
    }

    fn wait_for_subscriber(&self, scene: &Scene) {
        let mut redis = connect(&self.server.url());
        let channel = format!("{}airlines:changed", scene.prefix);
        let is_heard = |redis: &mut redis::Connection| {
            let (_, count): (String, u64) =
                redis::cmd("PUBSUB").arg("NUMSUB").arg(&channel).query(redis).expect("our own Redis answers");
            count > 0
        };
        let deadline = Instant::now() + LONG;
        while !is_heard(&mut redis) {
            assert!(Instant::now() < deadline, "{} has not subscribed within {LONG:?}", self.abilities.reader);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A reader that works in the background says it soon, and every other reader at once.
    fn says(&mut self, scene: &Scene, says: &Says) -> Result<(), String> {
        let keys: Vec<&String> = says.values.keys().collect();
        let deadline = Instant::now() + self.patience;
        loop {
            if says.polling {
                self.driver.ask(json!({ "do": "reload" }));
            }
            if let Some(moment) = &says.announcing {
                scene.play(&Event::Announce(moment.clone()));
            }
            let answer = self.driver.ask(json!({ "do": "say", "keys": keys }));
            let difference = self.difference(says, &parse(&answer));
            let is_over = (self.abilities.is_synchronous && !says.polling) || Instant::now() > deadline;
            match difference {
                None => return Ok(()),
                Some(difference) if is_over => return Err(format!("{difference}\n  it says {answer}")),
                Some(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// What is different from what is expected.
    fn difference(&self, says: &Says, answer: &Answer) -> Option<String> {
        let moment = says.moment.as_deref().map(|name| self.recordings.moment(name));
        let expected_id = moment.map(|moment| moment.id.clone());
        let expected_seq = says.seq.or(moment.map(|moment| moment.seq));
        let expected_entries = says.entries.or(moment.map(|moment| moment.entries));
        let never: Vec<&str> = says.never.iter().map(|name| self.recordings.moment(name).id.as_str()).collect();
        let held = answer.held.iter().flatten().find(|held| never.contains(&held.as_str()));
        differs("id", &expected_id, &answer.id)
            .or_else(|| differs("seq", &expected_seq, &answer.seq))
            .or_else(|| differs("entries", &expected_entries, &answer.entries))
            .or_else(|| differs("state", &says.state, &answer.state))
            .or_else(|| {
                let holds_nothing = says.state.as_deref() != Some("missing") || answer.id.is_none();
                (!holds_nothing).then(|| format!("id: expected none, got {:?}", answer.id))
            })
            .or_else(|| error_differs(says.error.as_ref()?, answer))
            .or_else(|| says.values.iter().find_map(|(key, value)| said_value_differs(key, value, answer)))
            .or_else(|| held.map(|held| format!("it must never hold {held}, and has")))
            .or_else(|| {
                let (min, max) = (says.min_age_ms.unwrap_or(0), says.max_age_ms.unwrap_or(i64::MAX));
                let is_right = says.min_age_ms.or(says.max_age_ms).is_none()
                    || answer.age_ms.is_some_and(|age| (min..=max).contains(&age));
                (!is_right).then(|| format!("age_ms: expected {min} to {max}, got {:?}", answer.age_ms))
            })
    }

    fn look_up(&mut self, scene: &Scene, wanted: &LookUp) -> Result<(), String> {
        let LookUp { key, moment, value, error: expected } = wanted;
        let answer = self.driver.ask(json!({ "do": "look_up", "key_prefix": scene.prefix, "key": key }));
        let found = parse(&answer);
        let id = moment.as_deref().map(|name| self.recordings.moment(name).id.clone());
        let difference = error_differs(expected, &found)
            .or_else(|| differs("id", &id, &found.id))
            .or_else(|| if expected == "none" { value_differs(key, value, &found.value) } else { None });
        difference.map_or(Ok(()), |difference| Err(format!("{difference}\n  a look-up of `{key}` gives {answer}")))
    }
}

fn parse(answer: &Value) -> Answer {
    serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{answer} is not an answer: {error}"))
}

/// A reader may have one kind for all that it refuses.
fn error_differs(expected: &str, answer: &Answer) -> Option<String> {
    let got = answer.error.as_deref().unwrap_or("none");
    let is_same = got == expected || got == "refused" && ["damaged", "newer_format", "wrong_type"].contains(&expected);
    (!is_same).then(|| format!("error: expected {expected}, got {got}"))
}

/// Nothing is expected where `expected` is `None`.
fn differs<T: PartialEq + std::fmt::Debug>(what: &str, expected: &Option<T>, got: &Option<T>) -> Option<String> {
    (expected.is_some() && expected != got).then(|| format!("{what}: expected {expected:?}, got {got:?}"))
}

fn said_value_differs(key: &str, expected: &Option<String>, answer: &Answer) -> Option<String> {
    match answer.values.get(key) {
        Some(got) => value_differs(key, expected, got),
        None => Some(format!("the value of `{key}`: expected {expected:?}, and it says nothing of it")),
    }
}

fn value_differs(key: &str, expected: &Option<String>, got: &Option<String>) -> Option<String> {
    let is_same = match (expected, got) {
        (Some(expected), Some(got)) => plain(expected) == plain(got),
        (expected, got) => expected == got,
    };
    (!is_same).then(|| format!("the value of `{key}`: expected {expected:?}, got {got:?}"))
}

/// The same JSON in one form: a reader may give values that were parsed and written again. Numbers keep their digits.
fn plain(json: &str) -> Option<String> {
    let json = json.trim();
    match json.as_bytes().first()? {
        b'{' => {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
            let members = members.iter().map(|(key, value)| Some(format!("{key:?}:{}", plain(value.get())?)));
            Some(format!("{{{}}}", members.collect::<Option<Vec<_>>>()?.join(",")))
        }
        b'[' => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
            Some(format!("[{}]", items.iter().map(|item| plain(item.get())).collect::<Option<Vec<_>>>()?.join(",")))
        }
        b'"' => Some(format!("{:?}", serde_json::from_str::<String>(json).ok()?)),
        _ => serde_json::from_str::<&RawValue>(json).ok().map(|number| number.get().to_owned()),
    }
}
