//! Finds requirements of a host that the server does not meet.

use super::keys::Keys;
use super::reply::text;
use super::script::CHECK;
use super::server::Server;
use super::store::Redis;
use crate::{Finding, Layout, Name, Result};

/// The oldest version that is tested.
const OLDEST: (u32, u32) = (6, 2);

impl Redis {
    pub(super) async fn findings(&self) -> Result<Vec<Finding>> {
        if let Err(error) = self.server.command(redis::cmd("PING")).await {
            let error = self.server.explain(error);
            return if error.is_unavailable() { Err(error) } else { Ok(vec![fatal(error.to_string())]) };
        }
        let mut findings = Vec::new();
        self.missing_permissions(&mut findings).await?;
        match self.server.command(redis::cmd("INFO")).await {
            Ok(info) => self.server.settings_findings(text(&info).unwrap_or_default(), &mut findings),
            Err(error) => {
                let error = self.server.explain(error);
                if error.is_unavailable() {
                    return Err(error);
                }
                findings.push(warning(format!("version, mode and maxmemory-policy are unknown: {error}")));
            }
        }
        Ok(findings)
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
    /// What is wrong by the text of INFO.
    fn settings_findings(&self, info: &str, findings: &mut Vec<Finding>) {
        let at = &self.location;
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim).unwrap_or_default()
        };
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
        if !matches!(field("maxmemory"), "" | "0") && policy != "noeviction" {
            findings.push(warning(format!(
                "Redis at {at} evicts keys when its memory is full (maxmemory-policy {policy}), and a cache is one key: \
                 expected `CONFIG SET maxmemory-policy noeviction`"
            )));
        }
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
