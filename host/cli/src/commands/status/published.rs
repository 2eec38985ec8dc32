//! What is said of a cache that `kiwi-host publish` publishes, and no host.

use kiwi_store::Name;

use super::condition::{Condition, State};
use super::problem::Class;

/// Where a host would be named.
pub(super) const FIRST_SENTENCE: &str = "no host loads it: `kiwi-host publish` publishes it";

/// What to do, in a sentence.
pub(super) fn advice(cache: &Name, condition: &Condition<'_>, is_configured: bool) -> String {
    let publish = format!("`... | kiwi-host publish {cache}`");
    let problem = condition.problems.first();
    match (condition.state, problem.map(|problem| problem.class())) {
        (_, Some(Class::Guard)) if problem.is_some_and(|problem| problem.kind == "empty") => {
            format!("see why there were no rows; if that is right, set `allow_empty_data = true` in [cache.{cache}]")
        }
        (_, Some(Class::Guard)) => {
            format!("if the new map is right, publish it with `... | kiwi-host publish {cache} --force`")
        }
        (_, Some(Class::Store)) => "correct that in the store; `kiwi-host check` names what a host needs".to_owned(),
        (_, Some(Class::Load | Class::Plugin)) => {
            format!("correct what is written to {publish}, and publish it again")
        }
        (State::Missing, None) => format!("publish it with {publish}"),
        (State::Lost, None) => format!(
            "publish it again with {publish}. If this happens again and again, `kiwi-host check` shows whether Redis \
             evicts keys"
        ),
        (State::Stale, None) => {
            let forget = format!("; if it is not needed any more, delete it with `kiwi-host forget {cache} --yes`");
            let forget = if is_configured { "" } else { &forget };
            format!("publish it again with {publish}, and see whether what does that, such as cron, still runs{forget}")
        }
        _ => String::new(),
    }
}
