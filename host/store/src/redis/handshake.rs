//! The first commands of a connection: who we are, and which database we want.
//!
//! redis-rs would send them as well, but it drops the code of a refusal, and with it what an operator has to do. It
//! also loses what a server says before it closes the connection of one client too many.

use std::io;

use redis::{Cmd, RedisConnectionInfo, RedisError, RedisResult};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::stream::Stream;
use super::verdict::{is_about_client, sentinel};

/// No reply to these commands is longer: it is `+OK`, or an error.
const MAX_REPLY_BYTES: u64 = 16 << 10;

/// What a refusal of a command means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The connection cannot be used.
    Fatal,
    /// The connection can be used all the same: an old server, or a user without the right.
    Harmless,
}

/// Sends the first commands over a new stream, and gives it back once the server has accepted us.
pub(super) async fn shake_hands(
    stream: Box<dyn Stream>,
    settings: &RedisConnectionInfo,
) -> RedisResult<Box<dyn Stream>> {
    let commands = commands(settings);
    let packed: Vec<u8> = commands.iter().flat_map(|(command, _)| command.get_packed_command()).collect();
    let mut stream = BufReader::new(stream);
    // A server that closes the connection has said why before, so the replies are read also after a failed write.
    let written = async {
        stream.write_all(&packed).await?;
        stream.flush().await
    };
    let written = written.await;
    let mut refused = None;
    for (_, refusal) in commands {
        let reply = match read_reply(&mut stream).await {
            Err(error) if error.is_io_error() => {
                return Err(refused.or(written.err().map(RedisError::from)).unwrap_or(error));
            }
            reply => reply?,
        };
        refused = refused.or(reply.filter(|error| refusal == Refusal::Fatal || is_about_client(error)));
    }
    if let Some(error) = refused {
        // It knows no SELECT, and usually no password.
        let may_be_sentinel = error.code() == Some("ERR");
        return Err(if may_be_sentinel && is_sentinel(&mut stream).await { sentinel() } else { error });
    }
    if !stream.buffer().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the server sends more than it was asked for").into());
    }
    Ok(stream.into_inner())
}

fn commands(settings: &RedisConnectionInfo) -> Vec<(Cmd, Refusal)> {
    let mut commands = Vec::with_capacity(4);
    if let Some(password) = settings.password() {
        let mut auth = redis::cmd("AUTH");
        auth.arg(settings.username()).arg(password);
        commands.push((auth, Refusal::Fatal));
    }
    if settings.db() != 0 {
        let mut select = redis::cmd("SELECT");
        select.arg(settings.db());
        commands.push((select, Refusal::Fatal));
    }
    // For those who look at `CLIENT LIST`.
    for (attribute, value) in [("LIB-NAME", "kiwi-host"), ("LIB-VER", env!("CARGO_PKG_VERSION"))] {
        let mut set = redis::cmd("CLIENT");
        set.arg("SETINFO").arg(attribute).arg(value);
        commands.push((set, Refusal::Harmless));
    }
    commands
}

/// Reads one reply, of one line. `Some`: the server refuses.
async fn read_reply(stream: &mut BufReader<Box<dyn Stream>>) -> RedisResult<Option<RedisError>> {
    let mut line = Vec::new();
    stream.take(MAX_REPLY_BYTES).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(redis::parse_redis_value(&line)?.extract_error().err())
}

/// Whether the server says that it is a Sentinel: its reply to ROLE is `sentinel`, and which primaries it watches.
async fn is_sentinel(stream: &mut BufReader<Box<dyn Stream>>) -> bool {
    let asked = async {
        stream.write_all(&redis::cmd("ROLE").get_packed_command()).await?;
        stream.flush().await?;
        let mut reply = Vec::new();
        for _ in ["*2", "$8", "sentinel"] {
            (&mut *stream).take(MAX_REPLY_BYTES).read_until(b'\n', &mut reply).await?;
        }
        io::Result::Ok(reply.ends_with(b"\r\nsentinel\r\n"))
    };
    asked.await.unwrap_or(false)
}
