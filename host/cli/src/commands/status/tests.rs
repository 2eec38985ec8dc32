//! Each state, and what is said of it.

use std::time::{Duration, SystemTime};

use kiwi_store::{
    Batch, Begin, Content, Due, Failing, Head, Holder, HostReport, HostState, Id, LastError, LeaseState, Name,
    Presence, Publish, Root, Status, Store, Trouble, Ttl,
};

use super::condition::{Condition, Data, Facts, State};
use super::explain;

const INTERVAL: Duration = Duration::from_secs(60);

fn name() -> Name {
    "rates".parse().expect("a name")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is known of a cache, to be changed into what a test is about. Only a store can make these, so one does.
struct Known {
    status: Status,
    hosts: Vec<HostState>,
    is_configured: bool,
    is_published: bool,
    others_run: bool,
    max_age: Option<Duration>,
    failing: Failing,
    host: HostState,
}

impl Known {
    /// A cache that was checked ten seconds ago by a host that runs.
    fn well() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store =
            kiwi_store::open(&format!("file:{}", dir.path().display()).parse().expect("a URL")).expect("a store");
        let made = tokio::runtime::Runtime::new().expect("a runtime").block_on(make(&*store));
        let (mut status, failing, host) = made;
        let now = status.now;
        status.failing.clear();
        status.lease = LeaseState::Free;
        let mut known = Self {
            hosts: vec![host.clone()],
            status,
            is_configured: true,
            is_published: false,
            others_run: true,
            max_age: None,
            failing,
            host,
        };
        known.head().checked_at = now - seconds(10);
        known
    }

    /// The same, but nothing was loaded since its loads began to fail on this host.
    fn failing(kind: &str, host: &str, since: u64, retry_in: i64) -> Self {
        let mut known = Self::well().checked(since + 5);
        known.fails(kind, host, since, retry_in);
        known
    }

    fn head(&mut self) -> &mut Head {
        match &mut self.status.presence {
            Presence::Whole(head) => head,
            other => panic!("{other:?}"),
        }
    }

    fn checked(mut self, ago: u64) -> Self {
        self.head().checked_at = self.status.now - seconds(ago);
        self
    }

    fn fails(&mut self, kind: &str, host: &str, since: u64, retry_in: i64) {
        let now = self.status.now;
        let mut failing = self.failing.clone();
        failing.times = 12;
        failing.since = now - seconds(since);
        failing.last = LastError::new(now - seconds(1), kind, "it broke");
        failing.host = host.to_owned();
        let retry = seconds(retry_in.unsigned_abs());
        failing.retry_at = if retry_in < 0 { now - retry } else { now + retry };
        self.status.failing.push(failing);
    }

    fn missing(mut self) -> Self {
        self.status.presence = Presence::Missing;
        self
    }

    fn held(mut self) -> Self {
        self.status.lease = LeaseState::Held { until: self.status.now + seconds(20) };
        self.status.holder = Some("b (process 2)".into());
        self
    }

    fn with_host(mut self, host: &str, trouble: Option<&str>, is_alive: bool) -> Self {
        let mut state = self.host.clone();
        state.report.host = host.to_owned();
        state.seen = self.status.now - if is_alive { seconds(5) } else { seconds(300) };
        state.is_alive = is_alive;
        state.report.trouble = trouble.map(|kind| Trouble {
            kind: kind.into(),
            message: "it cannot".into(),
            times: 3,
            lasted: seconds(8),
        });
        self.hosts.push(state);
        self
    }

    fn without_hosts(mut self) -> Self {
        self.hosts.clear();
        self
    }

    /// What `kiwi-host publish` publishes.
    fn published(mut self) -> Self {
        self.is_published = true;
        self.without_hosts()
    }

    fn condition(&self) -> Condition<'_> {
        let Self { status, hosts, is_configured, is_published, others_run, max_age, .. } = self;
        let (is_configured, is_published) = (*is_configured, *is_published);
        let (others_run, max_age) = (*others_run, *max_age);
        Condition::of(Facts { status, hosts, is_configured, is_published, others_run, max_age })
    }

    #[track_caller]
    fn expect(&self, state: State, is_well: bool) -> String {
        let condition = self.condition();
        assert_eq!((condition.state, condition.is_well), (state, is_well), "{condition:#?}");
        let mut text = explain::in_sentences(&name(), &condition, &self.status);
        text.insert(0, format!("[{}]", explain::in_short(&condition, &self.status)));
        text.push(format!("> {}", explain::advice(&name(), &condition, self.is_configured)));
        text.join("\n")
    }
}

async fn make(store: &dyn Store) -> (Status, Failing, HostState) {
    let name = name();
    let lease = async || match store.begin(&name, Holder::anonymous(), INTERVAL, Due::Always).await.expect("begun") {
        Begin::Go { lease, .. } => lease,
        other => panic!("{other:?}"),
    };
    let entries = [("USD", "1")];
    let (batch, root): (Batch, Root) = (entries.into_iter().collect(), entries.into_iter().collect());
    let first = lease().await;
    store.stage(&first, &batch).await.expect("staged");
    let content = Content::Swap { id: Id::random(), entries: 1, bytes: 4, root };
    store.commit(first, &Publish::new(content, Ttl::Forever, INTERVAL)).await.expect("committed");
    let error = LastError::new(SystemTime::now(), "trap", "it broke");
    store.fail(lease().await, INTERVAL, &error, Ttl::Forever).await.expect("failed");
    let report = HostReport { id: Id::random(), host: "a (process 1)".into(), trouble: None };
    store.report(&name, &report).await.expect("reported");
    let status = store.status(&name).await.expect("a status");
    let host = store.hosts(std::slice::from_ref(&name)).await.expect("hosts").remove(0).remove(0);
    (status.clone(), status.failing[0].clone(), host)
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn what_is_up_to_date_is_well() {
    let known = Known::well();
    known.expect(State::Fresh, true);
    assert_eq!(known.condition().next_refill, Some(seconds(50)));
    let text = Known::well().held().expect(State::Loading, true);
    says(&text, &["[by b (process 2)]", "b (process 2) is loading it now; its lease ends in 20s"]);
    // Where cron refills it, there are no hosts.
    Known::well().without_hosts().expect(State::Fresh, true);
}

#[test]
fn a_failure_says_why_since_when_how_often_where_and_when_it_is_tried_again() {
    let text = Known::failing("trap", "a (process 1)", 100, 40).expect(State::BackingOff, false);
    says(
        &text,
        &[
            "[trap, 12 times in 1m 40s]",
            "the last load failed 1s ago on a (process 1) (trap): it broke",
            "12 attempts in a row have failed since ",
            "(1m 40s ago)",
            "the next try is in 40s",
            "readers get 1 entry, last checked against the source at ",
            "(1m 45s ago)",
            "> correct the plugin or its source; `kiwi-host refill rates --dry-run`",
        ],
    );
    let text = Known::failing("trap", "a (process 1)", 100, -2).expect(State::Failing, false);
    says(&text, &["the next try is due"]);
    let text = Known::failing("trap", "a (process 1)", 100, -2).held().expect(State::Failing, false);
    says(&text, &["b (process 2) is loading it now"]);
    let text = Known::failing("trap", "a (process 1)", 100, 3).missing().expect(State::BackingOff, false);
    says(&text, &["nothing is published: readers get nothing"]);
}

#[test]
fn a_map_that_a_guard_refuses_is_refused() {
    let text = Known::failing("guard", "a (process 1)", 100, 40).expect(State::Refused, false);
    says(
        &text,
        &["(guard): it broke", "`kiwi-host refill rates --dry-run --diff`", "`kiwi-host refill rates --force`"],
    );
    Known::failing("empty", "a (process 1)", 100, -1).expect(State::Refused, false);
}

#[test]
fn data_without_a_failure_may_be_stale_missing_lost_or_foreign() {
    let text = Known::well().checked(121).expect(State::Stale, false);
    says(&text, &["[overdue]", "it is overdue, although a (process 1) runs it"]);
    let text = Known::well().checked(121).without_hosts().expect(State::Stale, false);
    says(&text, &["[no host runs it]", "> start a host with `kiwi-host run`"]);
    let mut old = Known::well().checked(30);
    old.max_age = Some(seconds(30));
    old.expect(State::Fresh, true);
    old.checked(31).expect(State::Stale, false);

    let text = Known::well().missing().expect(State::Missing, false);
    says(&text, &["[waiting for its first load]", "a (process 1) runs it, and has not loaded it yet"]);
    let text = Known::well().missing().without_hosts().expect(State::Missing, false);
    says(&text, &["[no host runs it]", "> start a host with `kiwi-host run`"]);
    let text = Known::well().missing().held().expect(State::Loading, false);
    says(&text, &["is loading it for the first time now"]);

    let mut lost = Known::well();
    lost.status.presence = Presence::Lost(lost.head().clone());
    says(&lost.expect(State::Lost, false), &["evicted", "readers that have no copy get nothing"]);
    assert_eq!(lost.condition().data, Data::Lost);
}

#[test]
fn a_host_that_cannot_run_it_or_whose_store_refuses_is_named() {
    let text =
        Known::well().checked(20).without_hosts().with_host("c", Some("plugin"), true).expect(State::CannotRun, false);
    says(&text, &["[plugin on c]", "c cannot start it since ", "it cannot", "not try again until it is started again"]);
    let text = Known::well()
        .checked(20)
        .without_hosts()
        .with_host("c", Some("store"), true)
        .expect(State::StoreRefuses, false);
    says(&text, &["[store on c]", "c cannot load it (store): it cannot", "3 attempts in a row have failed since "]);
    let text = Known::failing("store", "a (process 1)", 100, 3).expect(State::StoreRefuses, false);
    says(&text, &["[store on a (process 1)]", "the next try is in 3s"]);
}

#[test]
fn a_wrong_configuration_beside_good_ones_is_partly_failing() {
    let beside = || Known::well().with_host("c", None, true);
    let mut known = beside();
    known.fails("denied", "c", 300, 20);
    let text = known.expect(State::PartlyFailing, false);
    says(
        &text,
        &["[denied on c]", "it fails on one host, while another host keeps it fresh", "on c (denied): it broke"],
    );
    assert_eq!(known.condition().next_refill, Some(seconds(50)), "the good one goes on");
    // It failed just now, and nothing was loaded since: perhaps all hosts fail.
    let mut known = beside();
    known.fails("denied", "c", 5, 20);
    known.expect(State::BackingOff, false);
    let text = Known::well().with_host("c", Some("plugin"), true).expect(State::PartlyFailing, false);
    says(&text, &["[plugin on c]", "c cannot start it since"]);
    Known::well().checked(121).with_host("c", Some("plugin"), true).expect(State::CannotRun, false);
}

#[test]
fn a_dead_host_is_named_unless_something_else_refills_the_cache() {
    let dead = || Known::well().without_hosts().with_host("d", None, false).checked(310);
    let text = dead().expect(State::NoHost, false);
    says(
        &text,
        &[
            "[d is dead for 5m]",
            "the last one was d, which was last heard of 5m ago",
            "> start a host with `kiwi-host run`",
        ],
    );
    assert_eq!(dead().condition().next_refill, None);
    let text = dead().missing().expect(State::NoHost, false);
    says(&text, &["nothing is published"]);
    let mut elsewhere = dead();
    elsewhere.is_configured = false;
    says(&elsewhere.expect(State::NoHost, false), &["start a host that has it", "`kiwi-host forget rates --yes`"]);
    let mut failed_before = dead();
    failed_before.fails("trap", "d", 400, -290);
    says(
        &failed_before.expect(State::NoHost, false),
        &["(trap): it broke", "no host runs it, so nothing tries again by itself"],
    );
    // Cron refills it, or another host has taken over.
    dead().checked(10).expect(State::Fresh, true);
    dead().with_host("e", None, true).checked(10).expect(State::Fresh, true);
}

#[test]
fn what_no_host_and_no_configuration_has_is_a_leftover() {
    let mut left = Known::well().without_hosts();
    left.is_configured = false;
    let text = left.expect(State::Leftover, false);
    says(&text, &["[no host has it]", "`kiwi-host forget rates --yes`", "add it to the kiwi.toml"]);
    left.others_run = false;
    left.expect(State::Fresh, true);
    let mut failed = Known::failing("trap", "z", 300, -200).missing().without_hosts();
    failed.is_configured = false;
    says(&failed.expect(State::Leftover, false), &["(trap): it broke"]);
}

#[test]
fn what_kiwi_host_publish_publishes_needs_no_host() {
    let mut known = Known::well().published();
    known.is_configured = false;
    known.expect(State::Fresh, true);
    Known::well().published().with_host("d", None, false).checked(100).expect(State::Fresh, true);
    Known::well().published().held().expect(State::Loading, true);

    let text = known.checked(121).expect(State::Stale, false);
    let again = "publish it again with `... | kiwi-host publish rates`";
    says(&text, &["[not published again]", "no host loads it", "last published at ", again, "`kiwi-host forget rates"]);
    let text = Known::well().missing().published().expect(State::Missing, false);
    says(&text, &["[not published yet]", "> publish it with `... | kiwi-host publish rates`"]);
    let mut lost = Known::well().published();
    lost.status.presence = Presence::Lost(lost.head().clone());
    says(&lost.expect(State::Lost, false), &["readers that have no copy get nothing", again]);

    let text = Known::failing("other", "cron (process 9)", 100, 40).published().expect(State::Failing, false);
    says(&text, &["[other, 12 times in 1m 40s]", "nothing tries again by itself", "> correct what is written to"]);
    let text = Known::failing("guard", "cron (process 9)", 100, 40).published().expect(State::Refused, false);
    says(&text, &["> if the new map is right, publish it with `... | kiwi-host publish rates --force`"]);
    // Of the plugin that loaded it before.
    let mut over = Known::failing("trap", "a (process 1)", 100, 40).published();
    over.head().checked_at = over.status.now;
    over.expect(State::Fresh, true);
    // A host loads it with a plugin all the same.
    Known::well().checked(121).published().with_host("a", None, true).expect(State::Stale, false);
}

#[test]
fn a_refill_by_hand_does_not_hide_what_the_hosts_do() {
    // It failed with settings of its own, and is over.
    let mut known = Known::well();
    known.fails("denied", "laptop (process 9)", 300, -100);
    known.expect(State::Fresh, true);
    // A host is refused by a guard, whatever a laptop has failed with since.
    let mut known = Known::failing("denied", "laptop (process 9)", 100, -90);
    known.fails("guard", "a (process 1)", 100, 40);
    let text = known.expect(State::Refused, false);
    says(
        &text,
        &["on a (process 1) (guard): it broke", "a load failed on laptop (process 9), which does not run any more"],
    );
    // While its back-off lasts, hosts of the same definition wait as well.
    Known::failing("unavailable", "laptop (process 9)", 3, 40).expect(State::BackingOff, false);
}

#[test]
fn text_of_others_stays_on_its_line() {
    let mut known = Known::well();
    known.fails("trap", "a (process 1)", 5, 5);
    known.status.failing[0].last.message = "a\nb\u{1b}[2J".into();
    let text = known.expect(State::BackingOff, false);
    says(&text, &["(trap): a\\nb\\u{1b}[2J"]);
}
