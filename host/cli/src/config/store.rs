//! Where the store is: `store = "URL"`, or where its URL is read, because there may be a password in it.

use std::path::{Path, PathBuf};

use kiwi_host::{Secret, SecretSource};
use kiwi_store::{Error, Result, StoreUrl};

use super::secret;
use super::section::Section;
use super::value::mismatch;

/// Where the store is.
#[derive(Clone, Debug)]
pub(crate) enum StoreSource {
    /// At this URL.
    Url(StoreUrl),
    /// At the URL that stands there. A relative directory is relative to this one.
    Secret(SecretSource, PathBuf),
}

impl StoreSource {
    /// Reads `store` of the top level.
    pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Option<Self> {
        top.value("store", |item| match item.as_str() {
            Some(url) => {
                let url = url.parse().map_err(|error: Error| error.to_string())?;
                Ok(Self::Url(relative_to(base, url)))
            }
            None if item.is_table_like() => {
                let source = secret::source(item, ["url_env", "url_file"], base)?;
                Ok(Self::Secret(source, base.to_owned()))
            }
            None => Err(mismatch("a string, `{ url_env = \"NAME\" }` or `{ url_file = \"PATH\" }`", item)),
        })
    }

    /// The URL, which is read now if it is a secret.
    ///
    /// # Errors
    /// It cannot be read, or is not the URL of a store (`is_invalid`). The message does not show it.
    pub(crate) fn url(&self) -> Result<StoreUrl> {
        match self {
            Self::Url(url) => Ok(url.clone()),
            Self::Secret(source, base) => {
                let url = Secret::read(source).map_err(|failure| {
                    let message = format!("cannot read the URL of the store: {}", failure.message);
                    Error::invalid(format!("{message}; set it, or use --store or KIWI_STORE"))
                })?;
                let invalid = |error| Error::invalid(format!("{source} is read for `store`")).because(error);
                url.expose().parse().map(|url| relative_to(base, url)).map_err(invalid)
            }
        }
    }
}

/// A store in a relative directory is relative to the file that names it.
fn relative_to(base: &Path, store: StoreUrl) -> StoreUrl {
    match store {
        StoreUrl::Embedded(dir) => StoreUrl::Embedded(base.join(dir)),
        redis => redis,
    }
}
