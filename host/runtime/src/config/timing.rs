//! How often a cache is refilled, and how long its data lives.

use std::time::Duration;

use kiwi_store::{Error, Name, Result, Ttl};

/// What the operator asks for, or the plugin's description suggests. `None`: the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedTiming {
    /// How old a reader's copy may get. Default: 60 s.
    pub reload_ttl: Option<Duration>,
    /// From one load to the next. Default: `reload_ttl`.
    pub refill_interval: Option<Duration>,
    /// How long the store keeps the data if nobody refills it. Default: 10 x `reload_ttl`.
    pub cache_ttl: Option<Ttl>,
    /// How long a host that died keeps the others from refilling. Default: 30 s.
    pub lease_ttl: Option<Duration>,
}

/// How often a cache is refilled, and how long its data lives, with all defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// How old a reader's copy may get.
    pub reload_ttl: Duration,
    /// From one load to the next.
    pub refill_interval: Duration,
    /// How long the store keeps the data if nobody refills it.
    pub cache_ttl: Ttl,
    /// How long a host that died keeps the others from refilling.
    pub lease_ttl: Duration,
}

/// A lease is renewed over the network, and by a busy machine.
const MIN_LEASE_TTL: Duration = Duration::from_millis(100);

impl AskedTiming {
    /// These, and those of `fallback` where these say nothing.
    #[must_use]
    pub fn or(self, fallback: Self) -> Self {
        Self {
            reload_ttl: self.reload_ttl.or(fallback.reload_ttl),
            refill_interval: self.refill_interval.or(fallback.refill_interval),
            cache_ttl: self.cache_ttl.or(fallback.cache_ttl),
            lease_ttl: self.lease_ttl.or(fallback.lease_ttl),
        }
    }

    /// Fills in the defaults.
    ///
    /// # Errors
    /// `cache_ttl` is shorter than `reload_ttl` or `refill_interval`: the data would expire before anybody
    /// looks for newer data (`is_invalid`).
    pub fn resolve(self, cache: &Name) -> Result<Timing> {
        let reload_ttl = self.reload_ttl.unwrap_or(Duration::from_secs(60));
        let timing = Timing {
            reload_ttl,
            refill_interval: self.refill_interval.unwrap_or(reload_ttl),
            cache_ttl: self.cache_ttl.unwrap_or(Ttl::For(reload_ttl.saturating_mul(10))),
            lease_ttl: self.lease_ttl.unwrap_or(Duration::from_secs(30)),
        };
        if timing.lease_ttl < MIN_LEASE_TTL {
            return Err(Error::invalid(format!(
                "`lease_ttl` ({}) is shorter than {}: a host could not renew it in time; expected for example `30s`",
                humantime::format_duration(timing.lease_ttl),
                humantime::format_duration(MIN_LEASE_TTL),
            ))
            .of(cache));
        }
        for (name, shortest) in [("reload_ttl", timing.reload_ttl), ("refill_interval", timing.refill_interval)] {
            if let Ttl::For(cache_ttl) = timing.cache_ttl
                && cache_ttl < shortest
            {
                return Err(Error::invalid(format!(
                    "`cache_ttl` ({}) is shorter than `{name}` ({}): the data would be gone before it is renewed; \
                     expected a longer `cache_ttl`, or `none`",
                    humantime::format_duration(cache_ttl),
                    humantime::format_duration(shortest),
                ))
                .of(cache));
            }
        }
        Ok(timing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_follows_from_reload_ttl() {
        let name: Name = "airlines".parse().unwrap();
        let asked = AskedTiming { reload_ttl: Some(Duration::from_secs(5)), ..AskedTiming::default() };
        let timing = asked.resolve(&name).unwrap();
        assert_eq!(timing.refill_interval, Duration::from_secs(5));
        assert_eq!(timing.cache_ttl, Ttl::For(Duration::from_secs(50)));
        let other = AskedTiming { reload_ttl: Some(Duration::from_secs(9)), ..AskedTiming::default() };
        assert_eq!(AskedTiming::default().or(other), other);
        assert_eq!(asked.or(other), asked);
    }

    #[test]
    fn data_must_outlive_the_wait_for_the_next() {
        let name: Name = "airlines".parse().unwrap();
        for asked in [
            AskedTiming { reload_ttl: Some(Duration::from_secs(61)), ..AskedTiming::default() },
            AskedTiming { refill_interval: Some(Duration::from_secs(61)), ..AskedTiming::default() },
        ] {
            let asked = AskedTiming { cache_ttl: Some(Ttl::For(Duration::from_secs(60))), ..asked };
            let error = asked.resolve(&name).unwrap_err();
            assert!(
                error.is_invalid() && error.to_string().starts_with("cache `airlines`: `cache_ttl` (1m) "),
                "{error}"
            );
            assert!(AskedTiming { cache_ttl: Some(Ttl::Forever), ..asked }.resolve(&name).is_ok());
        }
    }
}
