//! How a store is named on a command line, in an environment variable or in kiwi.toml.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::redis::RedisOptions;
use crate::{Error, Result};

/// Which store, as a person names it: the URL of a Redis (see [`RedisOptions`]), or `file:DIR` for
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
pub enum StoreUrl {
    /// A Redis (or Valkey) server.
    Redis(RedisOptions),
    /// The embedded store in this directory.
    Embedded(PathBuf),
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("file", rest)) => match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(malformed("it names no directory")),
                dir => Ok(Self::Embedded(dir.into())),
            },
            Some(("redis" | "rediss" | "valkey" | "valkeys" | "redis+unix" | "valkey+unix" | "unix", _)) => {
                text.parse().map(Self::Redis)
            }
            Some(_) => Err(malformed("it begins with none of these")),
            None => Err(malformed("it has no scheme")),
        }
    }
}

fn malformed(why: &str) -> Error {
    Error::invalid(format!(
        "expected the URL of a store, such as redis://127.0.0.1:6379, rediss://USER:PASSWORD@HOST:6379/0, \
         redis+unix:///run/redis.sock or file:.kiwi; but {why}"
    ))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(options) => options.fmt(f),
            Self::Embedded(dir) => write!(f, "file:{}", dir.display()),
        }
    }
}

#[cfg(test)]
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
            assert!(error.is_invalid() && message.contains("such as redis://127.0.0.1:6379"), "{text}: {message}");
            assert!(!message.contains("s3c") && !format!("{error:?}").contains("s3c"), "{text}: {message}");
        }
    }

    #[test]
    fn a_key_prefix_leaves_the_hash_tag_to_the_cache() {
        let StoreUrl::Redis(options) = "redis://localhost".parse().unwrap() else { panic!("no Redis") };
        assert_eq!(options.key_prefix(), "kiwi:");
        assert_eq!(options.clone().with_key_prefix("eu:").unwrap().key_prefix(), "eu:");
        assert!(options.with_key_prefix("{eu}").unwrap_err().is_invalid());
    }
}
