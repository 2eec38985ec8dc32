//! What an error says about the connection as a whole. It is judged here and nowhere else.

use redis::{ErrorKind, RedisError, ServerError, Value};

/// What to do about replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// They are about their commands alone.
    Answered,
    /// The server does not know a command that every Redis knows: it may be something else.
    Unknown,
    /// The server is ready in a moment, and does what it was asked then.
    AskAgain,
    /// The same, and another server may be ready now.
    AskAgainElsewhere,
    /// This server is no longer the right one, or no longer knows us. After a failover it keeps our connection open,
    /// while its address leads to another server.
    Reconnect,
}

impl Verdict {
    /// What replies say together: the worst of them counts.
    pub(super) fn of_replies(replies: &[Value]) -> Self {
        replies.iter().map(Self::of_reply).max().unwrap_or(Self::Answered)
    }

    /// An error is a reply itself, or one of those in the reply to EXEC.
    fn of_reply(reply: &Value) -> Self {
        match reply {
            Value::ServerError(error) => Self::of_server(error),
            Value::Array(replies) => {
                let error = |reply: &Value| match reply {
                    Value::ServerError(error) => Some(Self::of_server(error)),
                    _ => None,
                };
                replies.iter().filter_map(error).max().unwrap_or(Self::Answered)
            }
            _ => Self::Answered,
        }
    }

    fn of_server(error: &ServerError) -> Self {
        Self::of(error.code(), error.details().unwrap_or_default())
    }

    /// What the server says while we connect.
    pub(super) fn of_connecting(error: &RedisError) -> Self {
        Self::of(error.code().unwrap_or_default(), error.detail().unwrap_or_default())
    }

    fn of(code: &str, detail: &str) -> Self {
        match inner_code(code, detail) {
            "READONLY" | "MASTERDOWN" | "NOAUTH" => Self::Reconnect,
            "LOADING" => Self::AskAgainElsewhere,
            "TRYAGAIN" => Self::AskAgain,
            "ERR" if is_too_many_clients(detail) => Self::AskAgain,
            "ERR" if detail.starts_with("unknown command") => Self::Unknown,
            _ => Self::Answered,
        }
    }
}

/// The code that says most about an error.
pub(super) fn inner_code<'a>(code: &'a str, detail: &'a str) -> &'a str {
    if code != "ERR" {
        return code;
    }
    // The reply to a long command of a client that gave no password: `ERR Protocol error: unauthenticated ...`.
    if detail.contains("unauthenticated") {
        return "NOAUTH";
    }
    // Redis 6.2 wraps the errors of commands in scripts: `ERR Error running script (...): -OOM ...`.
    let wrapped = detail.strip_prefix("Error running script").and_then(|detail| detail.split_once(": -"));
    let inner = wrapped.and_then(|(_, inner)| inner.split(' ').next());
    inner.filter(|inner| inner.bytes().all(|byte| byte.is_ascii_uppercase())).unwrap_or(code)
}

pub(super) fn is_too_many_clients(detail: &str) -> bool {
    detail.starts_with("max number of clients")
}

/// The error of a server that has turned out to be a Sentinel.
pub(super) fn sentinel() -> RedisError {
    (ErrorKind::InvalidClientConfig, "the server is a Sentinel").into()
}

pub(super) fn is_sentinel(error: &RedisError) -> bool {
    error.kind() == ErrorKind::InvalidClientConfig
}

/// Whether an error is about us and not about the command that we sent.
pub(super) fn is_about_client(error: &RedisError) -> bool {
    match error.code() {
        Some("NOAUTH" | "DENIED") => true,
        Some("ERR") => is_too_many_clients(error.detail().unwrap_or_default()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(reply: &str) -> Verdict {
        Verdict::of_replies(&[redis::parse_redis_value(reply.as_bytes()).unwrap()])
    }

    #[test]
    fn an_error_concerns_the_connection_or_its_command_alone() {
        for (reply, expected) in [
            ("+OK\r\n", Verdict::Answered),
            ("-ERR syntax error\r\n", Verdict::Answered),
            ("-NOPERM this user has no permissions to run the 'hset' command\r\n", Verdict::Answered),
            ("-READONLY You can't write against a read only replica.\r\n", Verdict::Reconnect),
            ("-MASTERDOWN Link with MASTER is down\r\n", Verdict::Reconnect),
            ("-NOAUTH Authentication required.\r\n", Verdict::Reconnect),
            ("-ERR Protocol error: unauthenticated multibulk length\r\n", Verdict::Reconnect),
            ("-LOADING Redis is loading the dataset in memory\r\n", Verdict::AskAgainElsewhere),
            ("-TRYAGAIN Multiple keys request during rehashing of slot\r\n", Verdict::AskAgain),
            ("-ERR max number of clients reached\r\n", Verdict::AskAgain),
            ("-ERR unknown command 'MULTI', with args beginning with: \r\n", Verdict::Unknown),
            // In the reply to EXEC.
            ("*2\r\n+OK\r\n-READONLY You can't write against a read only replica. script: abc\r\n", Verdict::Reconnect),
            // Redis 6.2.
            (
                "-ERR Error running script (call to f_0b): @user_script:1: -READONLY You can't write against a read only \
                 replica.\r\n",
                Verdict::Reconnect,
            ),
            ("-ERR Error running script (call to f_0b): @user_script:1: no such thing\r\n", Verdict::Answered),
        ] {
            assert_eq!(verdict(reply), expected, "{reply}");
        }
    }
}
