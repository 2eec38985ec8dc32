//! Bytes in JSON: a text where they are UTF-8, and base64 where they are not.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};

/// What Redis holds or sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(from = "InJson", into = "InJson")]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum InJson {
    Text(String),
    Binary { base64: Base64 },
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Base64> for String {
    fn from(Base64(bytes): Base64) -> Self {
        BASE64_STANDARD.encode(bytes)
    }
}

impl From<InJson> for Bytes {
    fn from(json: InJson) -> Self {
        match json {
            InJson::Text(text) => Self(text.into_bytes()),
            InJson::Binary { base64 } => Self(base64.0),
        }
    }
}

impl From<Bytes> for InJson {
    fn from(Bytes(bytes): Bytes) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Binary { base64: Base64(error.into_bytes()) },
        }
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}
