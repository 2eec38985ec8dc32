//! Where a reader finds the store.

use std::fmt;
use std::sync::Arc;

use kiwi_store::{Error, Result, Store, StoreUrl};

/// Where a reader finds the store: a URL (`redis://`, `rediss://`, `redis+unix:///PATH`, `file:DIR`), or a store
/// that is open already, to share its connection.
///
/// ```
/// use kiwi_cache::{Address, store};
///
/// let address: Address = "redis://127.0.0.1:6379".into();
/// let url: store::StoreUrl = "redis://127.0.0.1:6379".parse()?;
/// let shared: Address = store::open(&url)?.into();
/// # Ok::<(), kiwi_cache::Error>(())
/// ```
#[derive(Clone)]
pub struct Address(Place);

#[derive(Clone)]
enum Place {
    Text(String),
    Url(StoreUrl),
    Open(Arc<dyn Store>),
}

/// Without user and password, and without a text that is not a URL: it may hold a password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Text(text) => match text.parse::<StoreUrl>() {
                Ok(url) => write!(f, "Address({url})"),
                Err(_) => f.write_str("Address(an invalid URL)"),
            },
            Place::Url(url) => write!(f, "Address({url})"),
            Place::Open(store) => write!(f, "Address({})", store.location()),
        }
    }
}

impl Address {
    pub(crate) fn open(self, key_prefix: Option<String>) -> Result<Arc<dyn Store>> {
        let url = match self.0 {
            Place::Open(store) if key_prefix.is_none() => return Ok(store),
            Place::Open(_) => {
                return Err(Error::invalid(
                    "`key_prefix` cannot be set for a store that is open already: set it where the store is opened",
                ));
            }
            Place::Text(text) => text.parse()?,
            Place::Url(url) => url,
        };
        let url = match key_prefix {
            None => url,
            Some(prefix) => url.with_key_prefix(&prefix)?,
        };
        kiwi_store::open(&url)
    }
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Self(Place::Text(url.to_owned()))
    }
}

impl From<String> for Address {
    fn from(url: String) -> Self {
        Self(Place::Text(url))
    }
}

impl From<&String> for Address {
    fn from(url: &String) -> Self {
        Self(Place::Text(url.clone()))
    }
}

impl From<StoreUrl> for Address {
    fn from(url: StoreUrl) -> Self {
        Self(Place::Url(url))
    }
}

impl From<Arc<dyn Store>> for Address {
    fn from(store: Arc<dyn Store>) -> Self {
        Self(Place::Open(store))
    }
}

impl From<&Arc<dyn Store>> for Address {
    fn from(store: &Arc<dyn Store>) -> Self {
        Self(Place::Open(Arc::clone(store)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for url in ["redis://bob:s3cret@localhost", "rediss://bob:s3cret@localhost:99999"] {
            let shown = format!("{:?}", Address::from(url));
            assert!(!shown.contains("s3cret") && !shown.contains("bob"), "{shown}");
        }
    }
}
