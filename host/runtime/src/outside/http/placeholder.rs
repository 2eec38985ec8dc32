//! Placeholders for secrets in the values of headers: `${secret:NAME}`. A guest sees only these; the secret takes their
//! place when a request leaves, for each server that it is sent to anew.

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::policy::{allows, origin};
use super::request::MAX_HEADER_BYTES;
use crate::config::secret_grant::{SecretGrant, is_secret_name};
use crate::failure::{Failure, FailureKind};
use crate::outside::load_secrets::LoadSecrets;

const OPENING: &[u8] = b"${secret:";
const CLOSING: u8 = b'}';

/// A copy of these headers with secrets in the place of their placeholders. What comes out of a secret is not looked at
/// again: a placeholder in it is text.
///
/// # Errors
/// `Denied`: a secret may not be sent to this URL; `Unavailable`: it cannot be read; `InvalidSettings`: it cannot be the
/// value of a header, or what should be a placeholder is none.
pub(super) async fn filled(
    headers: &HeaderMap,
    url: &Url,
    grants: &[SecretGrant],
    secrets: &LoadSecrets,
) -> Result<HeaderMap, Failure> {
    let mut bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut filled = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let pieces = pieces(value.as_bytes()).ok_or_else(|| malformed(name))?;
        if let [Piece::Text(_)] | [] = pieces[..] {
            filled.append(name.clone(), value.clone());
            continue;
        }
        let mut whole = Vec::with_capacity(value.len());
        for piece in pieces {
            match piece {
                Piece::Text(text) => whole.extend_from_slice(text),
                Piece::Secret(secret) => {
                    let grant = granted(secret, url, grants)?;
                    let value = secrets.read(&format!("the secret `{secret}`"), &grant.source).await?;
                    bytes = bytes.saturating_add(value.expose().len());
                    if bytes > MAX_HEADER_BYTES {
                        return Err(too_large());
                    }
                    whole.extend_from_slice(value.expose().as_bytes());
                }
            }
        }
        filled.append(name.clone(), sensitive(&whole).map_err(|_| not_a_value(name, value))?);
    }
    Ok(filled)
}

/// The value of a header that is in no log.
///
/// # Errors
/// It is not one line of text.
pub(super) fn sensitive(value: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_bytes(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A part of a header's value.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'v> {
    Text(&'v [u8]),
    /// The name of the secret that stands here.
    Secret(&'v str),
}

/// `None`: it has the beginning of a placeholder, without a name or an end.
fn pieces(value: &[u8]) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.windows(OPENING.len()).position(|window| window == OPENING) {
        let inside = &rest[start + OPENING.len()..];
        let end = inside.iter().position(|&byte| byte == CLOSING)?;
        let name = std::str::from_utf8(&inside[..end]).ok().filter(|name| is_secret_name(name))?;
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        pieces.push(Piece::Secret(name));
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Some(pieces)
}

/// The grant of a secret for this URL.
fn granted<'g>(secret: &str, url: &Url, grants: &'g [SecretGrant]) -> Result<&'g SecretGrant, Failure> {
    let of_secret = || grants.iter().filter(|grant| grant.name == secret);
    of_secret().find(|grant| grant.origins.iter().any(|origin| allows(origin, url))).ok_or_else(|| {
        let origin = origin(url);
        let what = match of_secret().next() {
            None => format!("add `secrets = {{ {secret} = [\"{origin}\"] }}` to this cache's grants"),
            Some(_) => format!("add `\"{origin}\"` to `secrets.{secret}` in this cache's grants"),
        };
        let message = format!("the secret `{secret}` is not granted for `{origin}`: if it may be sent there, {what}");
        Failure::new(FailureKind::Denied, message)
    })
}

fn malformed(name: &HeaderName) -> Failure {
    let message = format!(
        "the header `{name}` has `${{secret:` without a name and a `}}` behind it: expected a placeholder such as \
         `${{secret:api_token}}`"
    );
    Failure::new(FailureKind::InvalidSettings, message)
}

/// Names the secrets, and shows nothing of them.
fn not_a_value(name: &HeaderName, value: &HeaderValue) -> Failure {
    let names = pieces(value.as_bytes()).unwrap_or_default().into_iter().filter_map(|piece| match piece {
        Piece::Secret(name) => Some(format!("`{name}`")),
        Piece::Text(_) => None,
    });
    let names = names.collect::<Vec<_>>().join(" and ");
    let message = format!(
        "the header `{name}` cannot be sent with the secret {names} in it, which is not one line of text: expected a \
         secret without line feeds and control characters"
    );
    Failure::new(FailureKind::InvalidSettings, message)
}

fn too_large() -> Failure {
    let message =
        format!("with secrets in the place of their placeholders, the headers have more than {MAX_HEADER_BYTES} bytes");
    Failure::new(FailureKind::InvalidSettings, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_its_placeholders() {
        use Piece::{Secret, Text};
        for (value, expected) in [
            ("", vec![]),
            ("plain $ {secret} ${other:x}", vec![Text(b"plain $ {secret} ${other:x}")]),
            ("Bearer ${secret:api_token}", vec![Text(b"Bearer "), Secret("api_token")]),
            ("${secret:a}${secret:b-2_x}!", vec![Secret("a"), Secret("b-2_x"), Text(b"!")]),
        ] {
            assert_eq!(pieces(value.as_bytes()), Some(expected), "{value}");
        }
        for malformed in [
            "${secret:",
            "${secret:}",
            "${secret:a",
            "${secret:a b}",
            "${secret:a.b}",
            "${secret:${secret:x}}",
            "x${secret:\u{fc}}",
        ] {
            assert_eq!(pieces(malformed.as_bytes()), None, "{malformed}");
        }
    }
}
