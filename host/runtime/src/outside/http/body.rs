//! The body of a response, read piece by piece.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use super::allowance::Place;
use super::decoder::Decoder;
use crate::entries::progress::Waiting;
use crate::failure::{Failure, FailureKind, chain};

/// What is left of a response's body. Its connection closes (or goes back to the pool) at the end.
#[derive(Debug)]
pub(crate) struct Body {
    rest: Rest,
    /// Received and not yet read.
    received: BytesMut,
    timeout: Duration,
    max_bytes: u64,
    total: u64,
    /// What a load waits for while it waits for more.
    waited_for: Arc<str>,
}

/// What is still to be received.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each open response, and most are of the large variant")]
enum Rest {
    /// More; the response keeps its place until it has ended.
    More { response: reqwest::Response, decoder: Option<Decoder>, has_ended: bool, place: Place },
    /// Nothing: that was all.
    Nothing,
    /// What was to come is lost. Told at every further read, so that a loader that reads on does not
    /// take the part it has for the whole.
    Lost(Failure),
}

impl Body {
    pub(super) fn new(
        response: reqwest::Response,
        decoder: Option<Decoder>,
        place: Place,
        timeout: Duration,
        max_bytes: u64,
    ) -> Self {
        let waited_for = format!("more of the response from {}", response.url().origin().ascii_serialization()).into();
        let rest = Rest::More { response, decoder, has_ended: false, place };
        Self { rest, received: BytesMut::new(), timeout, max_bytes, total: 0, waited_for }
    }

    /// The next `max` bytes, fewer only at the end: a full piece spares calls into the guest.
    ///
    /// # Errors
    /// `Unavailable`: the rest does not come; `Limit`: the body is too large.
    pub(crate) async fn read(&mut self, max: u32) -> Result<Option<Bytes>, Failure> {
        let max = max.max(1) as usize;
        while self.received.len() < max && self.receive().await? {}
        let length = self.received.len().min(max);
        let read = (length > 0).then(|| self.received.split_to(length).freeze());
        self.free_what_is_read();
        Ok(read)
    }

    /// As `read`, as text that ends after a line feed, or at the end, or, where a line is longer
    /// than `max`, after a whole character. What is not UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) async fn read_text(&mut self, max: u32) -> Result<Option<String>, Failure> {
        let max = max.max(4) as usize;
        while self.received.len() < max && self.receive().await? {}
        if self.received.is_empty() {
            return Ok(None);
        }
        let length = text_length(&self.received, max);
        let text = String::from_utf8_lossy(&self.received[..length]).into_owned();
        self.received.advance(length);
        self.free_what_is_read();
        Ok(Some(text))
    }

    /// The next bytes as they come, for streams that are not filled up.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while self.received.is_empty() && self.receive().await? {}
        Ok((!self.received.is_empty()).then(|| self.received.split().freeze()))
    }

    /// A guest may keep the handle of a response that it has read to the end.
    fn free_what_is_read(&mut self) {
        if self.received.is_empty() && !matches!(self.rest, Rest::More { .. }) {
            self.received = BytesMut::new();
        }
    }

    /// Waits for more. `false`: that was the end.
    async fn receive(&mut self) -> Result<bool, Failure> {
        loop {
            let Rest::More { response, decoder, has_ended, place } = &mut self.rest else {
                return match &self.rest {
                    Rest::Lost(failure) => Err(failure.clone()),
                    _ => Ok(false),
                };
            };
            if let Some(decoder) = decoder {
                match decoder.next() {
                    Ok(Some(piece)) => {
                        self.total += piece.len() as u64;
                        if self.total > self.max_bytes {
                            return Err(self.too_large());
                        }
                        self.received.extend_from_slice(piece);
                        return Ok(true);
                    }
                    Ok(None) => {}
                    Err(failure) => return Err(self.lose(failure)),
                }
            }
            if *has_ended {
                self.rest = Rest::Nothing;
                return Ok(false);
            }
            let chunk = tokio::time::timeout(self.timeout, response.chunk());
            let chunk = place.progress.waiting_for(Waiting::World(self.waited_for.clone()), chunk).await;
            match (chunk, decoder) {
                (Ok(Ok(Some(packed))), Some(decoder)) => decoder.feed(packed),
                (Ok(Ok(Some(chunk))), None) => {
                    self.total += chunk.len() as u64;
                    if self.total > self.max_bytes {
                        return Err(self.too_large());
                    }
                    self.received.extend_from_slice(&chunk);
                    return Ok(true);
                }
                (Ok(Ok(None)), decoder) => {
                    *has_ended = true;
                    if let Some(decoder) = decoder {
                        decoder.end();
                    }
                }
                (Ok(Err(error)), _) => {
                    return Err(self.lose(broken(format!("the response broke off: {}", chain(&error.without_url())))));
                }
                (Err(_), _) => return Err(self.lose(broken(format!("the response stopped for {:?}", self.timeout)))),
            }
        }
    }

    /// What is too much is not kept: it must not be taken for the whole.
    fn too_large(&mut self) -> Failure {
        let message = format!("an HTTP response has more than the {} bytes allowed", self.max_bytes);
        self.lose(Failure::limit("http_response_bytes", message))
    }

    /// Closes the connection, and keeps why.
    fn lose(&mut self, failure: Failure) -> Failure {
        self.rest = Rest::Lost(failure.clone());
        failure
    }
}

fn broken(message: String) -> Failure {
    Failure::new(FailureKind::Unavailable, message)
}

/// How many of these bytes make a text of at most `max`: all of them at the end of the body, else up
/// to the last line feed, else up to the last whole character.
fn text_length(received: &[u8], max: usize) -> usize {
    if received.len() < max {
        return received.len();
    }
    if let Some(line_feed) = received[..max].iter().rposition(|&byte| byte == b'\n') {
        return line_feed + 1;
    }
    // A character has at most 4 bytes: its first one lies within the last 4.
    for length in (max - 3..=max).rev() {
        let last = received[..length].iter().rposition(|&byte| byte & 0xc0 != 0x80).unwrap_or(0);
        let needed = match received[last] {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        if last + needed <= length || length - last >= 4 {
            return length;
        }
    }
    max
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::allowance::Allowance;
    use super::*;
    use crate::config::limits::Limits;
    use crate::memory::Memory;
    use crate::outside::load_secrets::LoadSecrets;

    #[test]
    fn a_text_ends_after_a_line_or_a_character() {
        assert_eq!(text_length(b"a\nb", 10), 3);
        assert_eq!(text_length(b"a\nbcd", 4), 2);
        assert_eq!(text_length("abc€".as_bytes(), 4), 3);
        assert_eq!(text_length("abc€".as_bytes(), 5), 3);
        assert_eq!(text_length("a😀b".as_bytes(), 5), 5);
        assert_eq!(text_length(&[0x80; 9], 8), 8);
    }

    #[tokio::test]
    async fn a_lost_rest_is_never_taken_for_the_end() {
        let limits = Limits { open_responses: 1, ..Limits::default() };
        let allowance = Allowance::new(&limits, Memory::new(0), Arc::default(), LoadSecrets::default());
        let place = allowance.place().unwrap();
        assert!(allowance.place().is_err());
        let response = http::Response::new("x".repeat(11)).into();
        let mut body = Body::new(response, None, place, Duration::from_secs(1), 10);
        for _ in 0..2 {
            assert_eq!(body.read(4).await.unwrap_err().kind, FailureKind::Limit);
        }
        assert!(allowance.place().is_ok());
    }

    proptest! {
        #[test]
        fn texts_join_to_the_whole(text in "[a€😀é\n]{0,40}", max in 4usize..12) {
            let mut rest = text.as_bytes();
            let mut joined = String::new();
            while !rest.is_empty() {
                let length = text_length(rest, max);
                prop_assert!(length > 0 && length <= max.max(rest.len().min(max)));
                joined.push_str(std::str::from_utf8(&rest[..length]).unwrap());
                rest = &rest[length..];
            }
            prop_assert_eq!(joined, text);
        }
    }
}
