//! Secrets in the host's hands.

use std::fs::File;
use std::io::Read;

use crate::config::secret_source::SecretSource;
use crate::failure::{Failure, FailureKind};

/// The longest secret, such as a private key or a URL.
const MAX_BYTES: u64 = 64 << 10;

/// A secret. It has neither `Display` nor `Debug`: what prints it says `expose`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself. Not for messages.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret from where it comes from. Blocks for a file.
    ///
    /// # Errors
    /// There is none (`Unavailable`: it may be on its way), or it cannot be used.
    pub(crate) fn read(source: &SecretSource) -> Result<Self, Failure> {
        let read = match source {
            SecretSource::Env(name) => match std::env::var(name) {
                Ok(secret) => Ok(secret),
                Err(std::env::VarError::NotPresent) => Err(format!("the environment variable `{name}` is not set")),
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(format!("the environment variable `{name}` is not UTF-8"))
                }
            },
            SecretSource::File(path) => {
                let mut secret = String::new();
                let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut secret));
                match read {
                    Ok(read) if read as u64 > MAX_BYTES => Err(format!("`{}` is too long", path.display())),
                    Ok(_) => Ok(without_line_feed(secret)),
                    Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
                }
            }
        };
        match read {
            Ok(secret) if secret.is_empty() => Err(match source {
                SecretSource::Env(name) => format!("the environment variable `{name}` is empty"),
                SecretSource::File(path) => format!("`{}` is empty", path.display()),
            }),
            read => read,
        }
        .map(Self)
        .map_err(|message| Failure::new(FailureKind::Unavailable, message))
    }
}

fn without_line_feed(mut secret: String) -> String {
    if secret.ends_with('\n') {
        secret.pop();
        if secret.ends_with('\r') {
            secret.pop();
        }
    }
    secret
}
