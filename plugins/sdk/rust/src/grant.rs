//! One grant that a loader asks for.

use std::collections::BTreeSet;

use crate::bindings::about;
use crate::http::origin;

/// How long the name of a secret may be.
const MAX_SECRET_NAME: usize = 64;

/// One grant that the loader needs.
///
/// ```
/// use kiwi_loader::{Description, Grant};
///
/// let description = Description::new("The exchange rates of the European Central Bank.")
///     .grant(Grant::http("https://www.ecb.europa.eu/stats/eurofxref.csv", "to fetch the rates"))
///     .grant(Grant::env("ECB_TOKEN", "to authenticate"));
/// # let _ = description;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grant(about::Grant);

impl Grant {
    /// HTTP to a server: `https://api.example.com`, `http://127.0.0.1:8080`. Of a longer URL only this part is used.
    pub fn http(url: &str, reason: &str) -> Self {
        Self::new("http", &origin(url), reason)
    }

    /// Reading one file, under the path it has in kiwi.toml.
    pub fn file(path: &str, reason: &str) -> Self {
        Self::new("files", path, reason)
    }

    /// Reading a directory and all below it, under the path it has in kiwi.toml. Ask for a [`file`](Self::file) where
    /// that is enough.
    pub fn dir(path: &str, reason: &str) -> Self {
        Self::new("dirs", path, reason)
    }

    /// An environment variable.
    pub fn env(variable: &str, reason: &str) -> Self {
        Self::new("env", variable, reason)
    }

    /// A database, by its name in `[connections]`.
    pub fn connection(name: &str, reason: &str) -> Self {
        Self::new("connections", name, reason)
    }

    /// A secret of `[secrets]` that the loader sends in a header as `${secret:NAME}`. The loader never sees it.
    pub fn secret(name: &str, reason: &str) -> Self {
        Self::new("secrets", name, reason)
    }

    /// The secrets whose placeholders stand in the values of these headers, each once: for a loader whose settings say
    /// what it sends.
    ///
    /// ```
    /// use kiwi_loader::Grant;
    ///
    /// let headers = [("accept", "text/csv"), ("authorization", "Bearer ${secret:api_token}")];
    /// let values = headers.iter().map(|(_, value)| *value);
    /// let grants = Grant::secrets_in(values, "to send `headers`");
    /// assert_eq!(grants, [Grant::secret("api_token", "to send `headers`")]);
    /// ```
    pub fn secrets_in<'v>(values: impl IntoIterator<Item = &'v str>, reason: &str) -> Vec<Self> {
        let names: BTreeSet<&str> = values.into_iter().flat_map(secret_names).collect();
        names.into_iter().map(|name| Self::secret(name, reason)).collect()
    }

    /// Credentials of `[auth]`, by their name there: the host authenticates the requests to the servers they are for.
    /// Only for a loader that knows the name, for example from a setting; otherwise the operator grants what the API needs.
    pub fn auth(name: &str, reason: &str) -> Self {
        Self::new("auth", name, reason)
    }

    fn new(kind: &str, name: &str, reason: &str) -> Self {
        Self(about::Grant { kind: kind.into(), name: name.into(), reason: reason.into() })
    }

    pub(crate) fn into_contract(self) -> about::Grant {
        self.0
    }
}

/// The names of a value's placeholders. What is not the name of a secret is left out: the host refuses to send it.
fn secret_names(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    let names = std::iter::from_fn(move || {
        let (name, after) = rest.split_once("${secret:")?.1.split_once('}')?;
        rest = after;
        Some(name)
    });
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    names.filter(move |name| (1..=MAX_SECRET_NAME).contains(&name.len()) && name.bytes().all(is_valid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_headers_are_found_once() {
        let grants = Grant::secrets_in(["${secret:b}-${secret:a-1_Z}", "Bearer ${secret:b}", "plain"], "why");
        assert_eq!(grants, [Grant::secret("a-1_Z", "why"), Grant::secret("b", "why")]);
        let long = format!("${{secret:{}}}", "x".repeat(65));
        for none in
            ["", "${secret:", "${secret:}", "${secret:a", "${secret:a b}", "${secret:\u{fc}}", "${env:a}", &long]
        {
            assert_eq!(Grant::secrets_in([none], "why"), [], "{none}");
        }
        assert_eq!(Grant::secrets_in(["${secret:${secret:x}}"], "why"), [], "the host refuses it");
    }
}
