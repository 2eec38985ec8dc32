//! Secrets in the host's hands.

use std::fs::File;
use std::io::Read;

use crate::config::secret_source::SecretSource;
use crate::failure::{Failure, FailureKind};

/// The longest secret, such as a private key or a URL.
const MAX_BYTES: u64 = 64 << 10;

/// A secret. It has neither `Display` nor `Debug`: what prints it says `expose`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself. Not for messages.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret from where it comes from. Blocks for a file.
    ///
    /// # Errors
    /// There is none (`Unavailable`: it may be on its way), or it cannot be used. The message names the source.
    pub fn read(source: &SecretSource) -> Result<Self, Failure> {
        let read = match source {
            SecretSource::Env(name) => match std::env::var(name) {
                Ok(secret) => Ok(secret),
                Err(std::env::VarError::NotPresent) => Err("is not set".to_owned()),
                Err(std::env::VarError::NotUnicode(_)) => Err("is not UTF-8".to_owned()),
            },
            SecretSource::File(path) => {
                let mut secret = String::new();
                let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut secret));
                match read {
                    Ok(read) if read as u64 > MAX_BYTES => Err(format!("has more than {MAX_BYTES} bytes")),
                    Ok(_) => Ok(without_line_feed(secret)),
                    Err(error) => Err(format!("cannot be read: {error}")),
                }
            }
        };
        match read {
            Ok(secret) if secret.is_empty() => Err("is empty".to_owned()),
            read => read,
        }
        .map(Self)
        .map_err(|why| Failure::new(FailureKind::Unavailable, format!("{source} {why}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_without_the_line_feed_at_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let source = SecretSource::File(path.clone());
        let read = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            Secret::read(&source).map(|secret| secret.expose().to_owned()).map_err(|failure| failure.message)
        };
        assert_eq!(read(b"s3cret\n").unwrap(), "s3cret");
        assert_eq!(read(b"s3cret\r\n").unwrap(), "s3cret");
        assert_eq!(read(b" two\nlines\n\n").unwrap(), " two\nlines\n");
        for (text, why) in [
            (&b"\n"[..], "is empty"),
            (b"", "is empty"),
            (b"\xff\xfe", "cannot be read"),
            (&[b'x'; 65_537], "has more than 65536 bytes"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(why) && message.contains(&path.display().to_string()), "{message}");
        }
        std::fs::remove_file(&path).unwrap();
        let failure = Secret::read(&source).err().unwrap();
        assert!(failure.kind == FailureKind::Unavailable && failure.message.contains("No such file"), "{failure}");
        let unset = Secret::read(&SecretSource::Env("KIWI_TEST_NEVER_SET".into())).err().unwrap();
        assert_eq!(unset.message, "the environment variable `KIWI_TEST_NEVER_SET` is not set");
        assert_eq!(unset.kind, FailureKind::Unavailable);
    }
}
