//! What a plugin may suggest about its timing: within bounds, because how often a source is asked and how long a store
//! keeps the data is the operator's business.

use std::time::Duration;

use kiwi_store::Ttl;

use crate::config::timing::AskedTiming;
use crate::loader::description::Overruled;

/// A plugin may not ask its source more often.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longer is as good as forever.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The timing that a plugin suggests, as far as it may, and what it may not.
pub(crate) fn within_bounds(reload_ttl: Option<Duration>, cache_ttl: Option<Ttl>) -> (AskedTiming, Vec<Overruled>) {
    let mut overruled = Vec::new();
    let reload_ttl = reload_ttl.map(|ttl| clamped("reload_ttl", ttl, &mut overruled));
    let cache_ttl = match cache_ttl {
        Some(Ttl::For(ttl)) => Some(Ttl::For(clamped("cache_ttl", ttl, &mut overruled))),
        Some(Ttl::Forever) => {
            let message = "it suggests `cache_ttl = \"none\"`, which only you can decide: using the default; set `cache_ttl` \
                           in kiwi.toml to choose another";
            overruled.push(Overruled { key: "cache_ttl", message: message.to_owned() });
            None
        }
        None => None,
    };
    (AskedTiming { reload_ttl, cache_ttl, ..AskedTiming::default() }, overruled)
}

fn clamped(key: &'static str, ttl: Duration, overruled: &mut Vec<Overruled>) -> Duration {
    let used = ttl.clamp(SHORTEST, LONGEST);
    if used != ttl {
        let [asked, using, shortest, longest] = [ttl, used, SHORTEST, LONGEST].map(humantime::format_duration);
        let message = format!(
            "it suggests `{key} = \"{asked}\"`, which is not between {shortest} and {longest}: using {using}; set `{key}` in \
             kiwi.toml to choose another"
        );
        overruled.push(Overruled { key, message });
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_kept_within_bounds() {
        let seconds = Duration::from_secs;
        let (timing, overruled) = within_bounds(Some(seconds(1)), Some(Ttl::For(seconds(3600))));
        assert_eq!((timing.reload_ttl, timing.cache_ttl), (Some(seconds(1)), Some(Ttl::For(seconds(3600)))));
        assert_eq!(overruled, []);

        let (timing, overruled) = within_bounds(Some(Duration::from_millis(1)), Some(Ttl::Forever));
        assert_eq!((timing.reload_ttl, timing.cache_ttl), (Some(seconds(1)), None));
        let keys: Vec<&str> = overruled.iter().map(|it| it.key).collect();
        assert_eq!(keys, ["reload_ttl", "cache_ttl"]);
        assert!(overruled[0].message.contains("`reload_ttl = \"1ms\"`"), "{}", overruled[0].message);

        let (timing, overruled) = within_bounds(Some(Duration::MAX), Some(Ttl::For(Duration::MAX)));
        assert_eq!((timing.reload_ttl, timing.cache_ttl), (Some(LONGEST), Some(Ttl::For(LONGEST))));
        assert_eq!(overruled.len(), 2);
    }
}
