//! Finds requirements of a host that the server does not meet.

use super::keys::Keys;
use super::reply::text;
use super::script::CHECK;
use super::server::Server;
use super::store::Redis;
use super::transaction::Transaction;
use crate::{Finding, Layout, Name, Result};

/// The oldest version that is tested.
const OLDEST: (u32, u32) = (6, 2);
/// Above this share of `maxmemory`, in percent, the memory is almost full.
const HIGH_MEMORY: u64 = 90;

impl Redis {
    pub(super) async fn findings(&self) -> Result<Vec<Finding>> {
        if let Err(error) = self.server.command(redis::cmd("PING")).await {
            let error = self.server.explain(error);
            return if error.is_unavailable() { Err(error) } else { Ok(vec![fatal(error.to_string())]) };
        }
        let mut findings = Vec::new();
        self.missing_permissions(&mut findings).await?;
        let info = match self.server.command(redis::cmd("INFO")).await {
            Ok(info) => text(&info).unwrap_or_default().to_owned(),
            Err(error) => {
                let error = self.server.explain(error);
                if error.is_unavailable() {
                    return Err(error);
                }
                findings.push(warning(format!("version, mode and maxmemory-policy are unknown: {error}")));
                String::new()
            }
        };
        self.server.settings_findings(&Info(&info), &mut findings);
        // A replica, a cluster or a missing right explains a refused write better than its error.
        if !findings.iter().any(|finding| finding.fatal) {
            let refused = self.refused_write().await?;
            findings.extend(refused.or_else(|| self.server.almost_full(&Info(&info))));
        }
        Ok(findings)
    }

    /// Writes and deletes one staging key in one step, as a refill would: only a write shows whether the memory
    /// is full, or whether the server refuses writes for another reason.
    async fn refused_write(&self) -> Result<Option<Finding>> {
        let cache: Name = "check".parse()?;
        let staging = Keys::new(self.server.options.key_prefix(), &cache, &Layout::Hash).staging("check");
        let command = |name: &str, arguments: &[&str]| {
            let mut command = redis::cmd(name);
            command.arg(&staging).arg(arguments);
            command
        };
        let write = [command("HSET", &["f", "v"]), command("PEXPIRE", &["1000"]), command("UNLINK", &[])];
        match self.server.transaction(Transaction::of(write)).await.map_err(|error| self.server.explain(error)) {
            Ok(_) => Ok(None),
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => Ok(Some(fatal(error.to_string()))),
        }
    }

    async fn missing_permissions(&self, findings: &mut Vec<Finding>) -> Result<()> {
        let cache: Name = "check".parse()?;
        let keys = Keys::new(self.server.options.key_prefix(), &cache, &Layout::Hash);
        let reply = self.server.run(&CHECK.call(&keys, "check").arg("channel", &keys.channel)).await;
        match reply {
            Ok(missing) => {
                for command in missing.iter().filter_map(text) {
                    let message = self.server.forbidden(command, &keys.data).to_string();
                    // Without these two, hosts and readers hear of each other later: when they poll.
                    let is_hint = matches!(command, "PUBLISH" | "SUBSCRIBE");
                    findings.push(if is_hint { warning(message) } else { fatal(message) });
                }
            }
            Err(error) => match self.server.explain(error) {
                error if error.is_unavailable() => return Err(error),
                error => findings.push(fatal(error.to_string())),
            },
        }
        Ok(())
    }
}

impl Server {
    /// What is wrong with the server's version, mode and settings.
    fn settings_findings(&self, info: &Info<'_>, findings: &mut Vec<Finding>) {
        let at = &self.location;
        let field = |name| info.field(name);
        let version = field("redis_version");
        if parse_version(version).is_some_and(|version| version < OLDEST) {
            findings.push(fatal(format!(
                "Redis at {at} is version {version}: update it to {}.{} or newer",
                OLDEST.0, OLDEST.1
            )));
        }
        if field("cluster_enabled") == "1" {
            findings.push(fatal(format!("Redis at {at} is a node of a cluster: expected a standalone server")));
        }
        if field("role") == "slave" {
            findings.push(fatal(format!(
                "Redis at {at} is a replica, and replicas are read-only: expected the primary, {}:{}",
                field("master_host"),
                field("master_port")
            )));
        }
        let policy = field("maxmemory_policy");
        if info.number("maxmemory") > 0 && policy != "noeviction" {
            findings.push(warning(format!(
                "Redis at {at} evicts keys when its memory is full (maxmemory-policy {policy}), and a cache is one key: \
                 expected `CONFIG SET maxmemory-policy noeviction`"
            )));
        }
    }

    /// A warning if the next refill may not fit into the memory.
    fn almost_full(&self, info: &Info<'_>) -> Option<Finding> {
        let (used, maxmemory) = (info.number("used_memory"), info.number("maxmemory"));
        let percent = used.saturating_mul(100).checked_div(maxmemory)?;
        (info.field("maxmemory_policy") == "noeviction" && percent > HIGH_MEMORY).then(|| {
            warning(format!(
                "Redis at {} is almost full: {} of {} MiB are in use ({percent}%), and a refill needs space for a second \
                 copy of its map; raise its maxmemory (`CONFIG SET maxmemory SIZE`), or free some of it",
                self.location,
                used >> 20,
                maxmemory >> 20,
            ))
        })
    }
}

/// The text of INFO; empty if the user may not ask for it.
struct Info<'a>(&'a str);

impl Info<'_> {
    fn field(&self, name: &str) -> &str {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(str::trim).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.field(name).parse().unwrap_or_default()
    }
}

fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn fatal(message: String) -> Finding {
    Finding { fatal: true, message }
}

fn warning(message: String) -> Finding {
    Finding { fatal: false, message }
}
