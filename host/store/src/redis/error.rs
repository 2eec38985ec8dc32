//! What the errors of Redis mean here, and what to do about them.

use redis::RedisError;

use super::meta::FORMAT;
use super::server::Server;
use super::verdict::{inner_code, is_sentinel, is_too_many_clients};
use crate::{Error, Layout};

impl Server {
    /// Explains an error of redis-rs or of the server.
    pub(super) fn explain(&self, error: RedisError) -> Error {
        let at = &self.location;
        let detail = error.detail().unwrap_or_default().to_owned();
        let code = inner_code(error.code().unwrap_or_default(), &detail).to_owned();
        let explained = match code.as_str() {
            _ if error.is_connection_refusal() => {
                Error::unavailable(format!("Redis at {at} cannot be reached: start it, or check the address"))
            }
            _ if error.is_timeout() => Error::unavailable(format!("Redis at {at} did not answer in time")),
            _ if error.is_io_error() => self.lost_connection(&error),
            _ if is_sentinel(&error) => Error::invalid(format!(
                "Redis at {at} is a Sentinel: give the address of the primary itself, which `SENTINEL \
                 GET-MASTER-ADDR-BY-NAME NAME` shows; Sentinel URLs are not supported yet"
            )),
            "NOAUTH" | "WRONGPASS" | "DENIED" => self.not_let_in(&code),
            "ERR" if is_too_many_clients(&detail) => Error::unavailable(format!(
                "Redis at {at} has too many clients: close some (`CLIENT LIST` shows them), or raise its limit \
                 (`CONFIG SET maxclients NUMBER`)"
            )),
            "ERR" if detail.contains("without any password configured") => Error::denied(format!(
                "Redis at {at} has no password, and the store's URL gives one: remove it there, or set it at the server \
                 (`requirepass`)"
            )),
            "NOPERM" => self.no_permission(&detail),
            "ERR" if detail.contains("no permissions") => self.no_permission(&detail),
            "WRONGTYPE" => Error::wrong_type(format!(
                "Redis at {at}: one of our keys holds a value of another type: delete or rename it, or set another \
                 key_prefix"
            )),
            "OOM" => Error::full(format!(
                "Redis at {at} is full: raise its maxmemory (`CONFIG SET maxmemory SIZE`), or free some of it"
            )),
            "MISCONF" => {
                Error::full(format!("Redis at {at} refuses writes because it cannot save to its disk: {detail}"))
            }
            "NOREPLICAS" => Error::unavailable(format!(
                "Redis at {at} refuses writes because too few of its replicas are connected (min-replicas-to-write): \
                 start them, or lower it"
            )),
            "MOVED" | "ASK" | "CROSSSLOT" => {
                Error::invalid(format!("Redis at {at} is a node of a cluster: expected a standalone server"))
            }
            "CLUSTERDOWN" => Error::unavailable(format!(
                "Redis at {at} is a node of a cluster that is not complete (CLUSTERDOWN): expected a standalone server"
            )),
            "READONLY" => Error::unavailable(format!(
                "Redis at {at} is a read-only replica: use the primary, or wait until this one becomes it"
            )),
            "MASTERDOWN" => Error::unavailable(format!(
                "Redis at {at} is a replica without a connection to its primary (MASTERDOWN): use the primary, or wait \
                 until they are connected"
            )),
            "LOADING" => Error::unavailable(format!("Redis at {at} is still loading its data: wait")),
            "BUSY" => Error::unavailable(format!(
                "Redis at {at} is busy with a script of another client: wait, or `SCRIPT KILL`"
            )),
            "ERR" if detail.contains("DB index") => Error::invalid(format!(
                "Redis at {at} has no such database: see its `databases` setting, and the number in the store's URL"
            )),
            "" => Error::unavailable(format!("Redis at {at}: {error}")),
            // Without a cause, which would say the same in other words.
            code => return Error::unavailable(format!("Redis at {at} answered {code} {detail}")),
        };
        explained.because(error)
    }

    fn lost_connection(&self, error: &RedisError) -> Error {
        let message = error.to_string();
        let advice = if message.contains("CertificateRequired") {
            " (it requires a client certificate: name its files in the store's URL, `rediss://HOST?cert=FILE&key=FILE`)"
        } else if message.contains("certificate") {
            " (if you have a certificate authority of your own, name its file in the store's URL: `rediss://HOST?ca=FILE`)"
        } else {
            ""
        };
        Error::unavailable(format!("the connection to Redis at {} failed: {message}{advice}", self.location))
    }

    /// The server does not accept us as a client.
    fn not_let_in(&self, code: &str) -> Error {
        let at = &self.location;
        Error::denied(match code {
            "DENIED" => format!(
                "Redis at {at} is in protected mode, and accepts only clients of its own machine: set a password \
                 (`requirepass`), and give it in the store's URL, redis://:PASSWORD@HOST"
            ),
            "NOAUTH" if self.options.password().is_none() => format!(
                "Redis at {at} requires a password, and the store's URL gives none: expected \
                 redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST for the user `default`"
            ),
            _ => format!(
                "Redis at {at} refuses the user and password: check those in the store's URL, redis://USER:PASSWORD@HOST"
            ),
        })
    }

    /// `detail` quotes the command, if it is about one: `... permissions to run the 'hset' command`.
    fn no_permission(&self, detail: &str) -> Error {
        match detail.split('\'').nth(1) {
            Some(command) if detail.contains("command") => self.forbidden(command, ""),
            _ => self.forbidden("@all", ""),
        }
    }

    /// The user may not run a command (on a key).
    pub(super) fn forbidden(&self, command: &str, key: &str) -> Error {
        let (user, prefix) = (self.options.user(), self.options.key_prefix());
        let (what, right) = match command {
            "@all" => ("use our keys".to_owned(), String::new()),
            _ => (format!("run {}", command.to_uppercase()), format!(" +{}", command.to_lowercase())),
        };
        let on = if key.is_empty() { String::new() } else { format!(" on `{key}`") };
        Error::denied(format!(
            "Redis at {}: the user may not {what}{on}: an administrator can allow it with \
             `ACL SETUSER {user} ~{prefix}* &{prefix}*{right}`",
            self.location
        ))
    }

    /// One of our keys holds a value of another type.
    pub(super) fn wrong_type(&self, key: &str, found: &str) -> Error {
        let expected = match key {
            key if key.ends_with(":log") => "stream",
            key if key.starts_with("resource:") || key.starts_with("lock:") || key.ends_with(":record") => "string",
            _ => "hash",
        };
        Error::wrong_type(format!(
            "expected a {expected} or nothing at `{key}` in Redis at {}, found a {found}: delete or rename it, or set \
             another key_prefix",
            self.location
        ))
    }

    pub(super) fn newer_format(&self, format: &str) -> Error {
        Error::format(format!(
            "the data in Redis at {} is in format {format}, and this program reads formats up to {FORMAT}: update it",
            self.location
        ))
    }

    /// What an explained error means for a cache of this layout.
    pub(super) fn explain_layout(&self, layout: &Layout, error: Error) -> Error {
        let Some(key) = layout.record_key() else { return error };
        if error.is_denied() {
            let (user, resource, lock) = (self.options.user(), key.resource(), key.lock());
            return error.adding(&format!("; its record also needs `ACL SETUSER {user} ~{resource} ~{lock}`"));
        }
        // The explanation of MOVED and CROSSSLOT.
        if !error.is_invalid() {
            return error;
        }
        Error::invalid(format!(
            "the layout `{}` does not work in a Redis Cluster, where its keys are in different slots: use a standalone \
             server, or `layout = \"hash\"`",
            layout.as_str()
        ))
        .because(error)
    }
}
