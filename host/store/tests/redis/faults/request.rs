//! Requests as a client sends them: single commands, and those of a MULTI together.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

/// What a server answers together.
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) commands: usize,
    /// It sets a connection up.
    pub(super) sets_up: bool,
}

/// `None`: the client has left.
pub(super) async fn next_request(values: &mut Values) -> io::Result<Option<Request>> {
    let Some(mut bytes) = values.next().await? else { return Ok(None) };
    let sets_up = [&b"HELLO"[..], b"AUTH", b"SELECT", b"CLIENT"].contains(&name(&bytes));
    let (mut commands, mut is_complete) = (1, name(&bytes) != b"MULTI");
    while !is_complete {
        let Some(command) = values.next().await? else { return Ok(None) };
        is_complete = name(&command) == b"EXEC";
        bytes.extend(command);
        commands += 1;
    }
    Ok(Some(Request { bytes, commands, sets_up }))
}

/// The first word of a command: what stands behind the lengths of the command and of the word.
fn name(command: &[u8]) -> &[u8] {
    command.split(|&byte| byte == b'\n').nth(2).unwrap_or_default().trim_ascii_end()
}

/// The values of the protocol of Redis, one after the other.
pub(super) struct Values {
    stream: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Values {
    pub(super) fn of(stream: OwnedReadHalf) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// `None`: the stream has ended.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(length) = length(&self.buffer) {
                let rest = self.buffer.split_off(length);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            self.buffer.reserve(64 << 10);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// How long the first value is. `None`: some of it is still to come.
fn length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.iter().position(|&byte| byte == b'\n')? + 1;
    let number = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        b'$' => {
            let all = number().and_then(|text| usize::try_from(text).ok()).map_or(line, |text| line + text + 2);
            (bytes.len() >= all).then_some(all)
        }
        b'*' => (0..number()?.max(0)).try_fold(line, |at, _| Some(at + length(bytes.get(at..)?)?)),
        b'+' | b'-' | b':' => Some(line),
        other => panic!("an unknown type: {other}"),
    }
}
