//! How a store is named on a command line, in an environment variable or in kiwi.toml.

use std::fmt;
#[cfg(feature = "embedded")]
use std::path::PathBuf;
use std::str::FromStr;

#[cfg(feature = "redis")]
use crate::RedisOptions;
use crate::{Error, Result};

/// Which store, as a person names it: the URL of a Redis (see `RedisOptions`), or `file:DIR` for
/// the embedded one.
///
/// `Display` and `Debug` never show a password.
///
/// ```
/// use kiwi_store::StoreUrl;
///
/// let url: StoreUrl = "redis://:secret@10.0.0.7:6379/2".parse()?;
/// assert_eq!(url.to_string(), "redis://10.0.0.7:6379/2");
/// # Ok::<(), kiwi_store::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreUrl {
    /// A Redis (or Valkey) server (feature `redis`).
    #[cfg(feature = "redis")]
    Redis(RedisOptions),
    /// The embedded store in this directory (feature `embedded`).
    #[cfg(feature = "embedded")]
    Embedded(PathBuf),
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("file", rest)) => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(malformed("it names no directory")),
                dir => embedded(dir),
            },
            Some(("redis" | "rediss" | "valkey" | "valkeys" | "redis+unix" | "valkey+unix" | "unix", _)) => redis(text),
            Some(_) => Err(malformed("its scheme is not the scheme of a store")),
            None => Err(malformed("it has no scheme")),
        }
    }
}

impl StoreUrl {
    /// The same store, with Redis keys and channels that begin with `prefix`.
    ///
    /// # Errors
    /// `is_invalid` if the store has no such prefix, or the prefix has a `{` or `}`.
    pub fn with_key_prefix(self, prefix: &str) -> Result<Self> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(options) => options.with_key_prefix(prefix).map(Self::Redis),
            #[cfg(feature = "embedded")]
            Self::Embedded(_) => Err(Error::invalid(format!(
                "an embedded store has no key_prefix (found `{}`): remove it, or use Redis",
                prefix.escape_debug()
            ))),
        }
    }
}

#[cfg(feature = "redis")]
fn redis(text: &str) -> Result<StoreUrl> {
    text.parse().map(StoreUrl::Redis)
}

#[cfg(not(feature = "redis"))]
fn redis(_: &str) -> Result<StoreUrl> {
    Err(left_out("a Redis store", "redis"))
}

#[cfg(feature = "embedded")]
fn embedded(dir: &str) -> Result<StoreUrl> {
    Ok(StoreUrl::Embedded(dir.into()))
}

#[cfg(not(feature = "embedded"))]
fn embedded(_: &str) -> Result<StoreUrl> {
    Err(left_out("a `file:` store", "embedded"))
}

/// This build lacks the store that a URL names.
#[cfg(not(all(feature = "redis", feature = "embedded")))]
fn left_out(store: &str, feature: &str) -> Error {
    Error::invalid(format!(
        "this build cannot open {store}: enable the feature `{feature}` of the crate kiwi-cache (or kiwi-store)"
    ))
}

fn malformed(why: &str) -> Error {
    Error::invalid(format!(
        "not a valid URL of a store: {why} (expected e.g. redis://127.0.0.1:6379, rediss://USER:PASSWORD@HOST:6379/0, \
         redis+unix:///run/redis.sock or file:.kiwi)"
    ))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            #[cfg(feature = "redis")]
            Self::Redis(ref options) => options.fmt(f),
            #[cfg(feature = "embedded")]
            Self::Embedded(ref dir) => write!(f, "file:{}", dir.display()),
        }
    }
}

#[cfg(all(test, feature = "redis", feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_user_and_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379/0"),
            ("redis://:s3cret@127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("rediss://bob:s3cret@cache.example", "rediss://cache.example:6379/0"),
            ("valkey://[::1]:7000", "redis://[::1]:7000/0"),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock"),
            ("unix:///run/redis.sock?db=2&user=bob&pass=s3cret", "redis+unix:///run/redis.sock?db=2"),
            ("file:.kiwi", "file:.kiwi"),
            ("file:///var/lib/kiwi", "file:/var/lib/kiwi"),
        ] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            let debug = format!("{url:?}");
            assert!(!debug.contains("s3cret") && !debug.contains("bob"), "{debug}");
        }
    }

    #[test]
    fn a_bad_url_says_what_is_expected_and_repeats_no_password() {
        for text in [
            "",
            "localhost",
            "localhost:6379",
            "http://localhost",
            "file:",
            "redis://",
            "redis://bob@localhost",
            "redis://:s3cret@localhost/one",
            "redis://:s3cret@localhost/-1",
            "redis://:s3c#ret@localhost",
            "redis://:s3cret@localhost:99999",
            "redis://:s3cret@localhost?db=1",
            "unix://?db=s3cret",
            "redis+unix:///run/redis.sock?password=s3cret",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err();
            let message = error.to_string();
            assert!(
                error.is_invalid() && message.contains("expected e.g. redis://127.0.0.1:6379"),
                "{text}: {message}"
            );
            assert!(!message.contains("s3c") && !format!("{error:?}").contains("s3c"), "{text}: {message}");
        }
    }

    #[test]
    fn the_time_limits_of_a_redis_are_in_its_url() {
        use crate::RedisOptions;
        use std::time::Duration;

        for (text, connect, response) in [
            ("redis://localhost", 3_000, 10_000),
            ("redis://localhost?connect_timeout=500ms", 500, 10_000),
            ("redis://:p@localhost:7000/3?connect_timeout=5s&response_timeout=1m", 5_000, 60_000),
            ("redis+unix:///run/redis.sock?db=2&response_timeout=20s&pass=a%26b", 3_000, 20_000),
        ] {
            let options: RedisOptions = text.parse().unwrap();
            let timeouts = [options.connect_timeout(), options.response_timeout()];
            assert_eq!(timeouts, [connect, response].map(Duration::from_millis), "{text}");
        }
        for value in ["", "3", "s", "soon", "-1s", "1.5s", "3 s", "1h", "0s", "99999999999999999999s"] {
            let error = format!("redis://localhost?connect_timeout={value}").parse::<StoreUrl>().unwrap_err();
            let expected = ["`connect_timeout", "expected", "`3s`"];
            assert!(error.is_invalid() && expected.iter().all(|part| error.to_string().contains(part)), "{error}");
        }
        let error = "redis://localhost?timeout=3s".parse::<StoreUrl>().unwrap_err().to_string();
        assert!(
            error.contains("`?timeout=` is not") && error.contains("`connect_timeout`, `response_timeout`"),
            "{error}"
        );
        let options: RedisOptions = "redis://localhost".parse().unwrap();
        assert!(options.clone().with_connect_timeout(Duration::ZERO).unwrap_err().is_invalid());
        let patient = options.with_response_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(patient.response_timeout(), Duration::from_secs(30));
    }

    #[test]
    fn a_key_prefix_leaves_the_hash_tag_to_the_cache() {
        let StoreUrl::Redis(options) = "redis://localhost".parse().unwrap() else { panic!("no Redis") };
        assert_eq!(options.key_prefix(), "kiwi:");
        assert_eq!(options.clone().with_key_prefix("eu:").unwrap().key_prefix(), "eu:");
        assert!(options.with_key_prefix("{eu}").unwrap_err().is_invalid());
    }
}

#[cfg(test)]
mod features {
    use super::*;

    #[test]
    fn a_url_says_which_feature_it_needs() {
        for (text, feature, is_on) in [
            ("redis://localhost", "redis", cfg!(feature = "redis")),
            ("rediss://localhost", if cfg!(feature = "redis") { "tls" } else { "redis" }, cfg!(feature = "tls")),
            ("file:.kiwi", "embedded", cfg!(feature = "embedded")),
        ] {
            match text.parse::<StoreUrl>() {
                Ok(_) => assert!(is_on, "{text}"),
                Err(error) => {
                    assert!(!is_on && error.is_invalid(), "{text}: {error}");
                    assert!(error.to_string().contains(&format!("enable the feature `{feature}`")), "{error}");
                }
            }
        }
    }
}
