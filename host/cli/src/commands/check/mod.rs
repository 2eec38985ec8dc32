//! `kiwi-host check`

mod connections;
mod credentials;
mod fix;
mod grants;
mod network;
mod report;
mod store;

use std::path::Path;

use anyhow::Result;
use kiwi_host::{CacheConfig, Sandbox};

use self::report::{Finding, Report, Severity};
use crate::args::{CheckArgs, TargetArgs};
use crate::config::{Config, select};
use crate::exit::Exit;
use crate::output::Output;
use crate::target::Target;
use crate::{compile_cache, suggest};

/// Checks everything that `run` needs, without loading anything, and reports all findings. With `--fix`, it first adds
/// to kiwi.toml what is missing there.
pub(crate) async fn run(target: &TargetArgs, args: &CheckArgs, output: &mut Output) -> Result<Exit> {
    let mut report = Report::new(output);
    if args.fix {
        fix::run(target, &args.plugins, &mut report).await?;
    }
    let config = match Config::find(target.config.as_deref()) {
        Ok(config) => {
            check_configuration(config.as_ref(), &mut report).await?;
            check_caches(config.as_ref(), args, &mut report).await?;
            config
        }
        Err(error) => {
            report.add_error("configuration", &error)?;
            // The plugins are unknown now. The store is still known if it is given outside the file.
            if target.store.is_none() {
                return report.finish();
            }
            None
        }
    };
    match Target::new(target, config) {
        Ok(target) => {
            if let Err(error) = target.check_grants() {
                report.add_error("grants", &error)?;
            }
            store::check(&target, &mut report).await?;
        }
        Err(error) => report.add_error("store", &error)?,
    }
    report.finish()
}

async fn check_configuration(config: Option<&Config>, report: &mut Report<'_>) -> Result<()> {
    let Some(config) = config else {
        return report.add(Severity::Ok, "configuration", "no kiwi.toml: every cache uses the defaults");
    };
    let message = match config.all().count() {
        1 => format!("1 cache in {}", config.path.display()),
        caches => format!("{caches} caches in {}", config.path.display()),
    };
    report.add(Severity::Ok, "configuration", message)?;
    let statsd = match &config.statsd {
        Some(statsd) => network::check_statsd(statsd).await,
        None => None,
    };
    report.add_all(statsd.into_iter().collect())?;
    report.add_all(credentials::check(config))?;
    report.add_all(network::check_around(config).await)
}

async fn check_caches(config: Option<&Config>, args: &CheckArgs, report: &mut Report<'_>) -> Result<()> {
    let caches = match select(config, &args.plugins) {
        Ok(caches) => caches,
        Err(error) => return report.add_error("plugins", &error.into()),
    };
    if args.plugins.is_empty() {
        check_published(config, report)?;
    }
    if caches.is_empty() && config.is_some_and(|config| !config.published.is_empty()) {
        return Ok(());
    }
    if caches.is_empty() {
        let message = "nothing to run: pass plugins, or add a `[cache.NAME]` table to kiwi.toml";
        return report.add(Severity::Warning, "plugins", message);
    }
    let sandbox = match Sandbox::new(compile_cache::compilation(), 1) {
        Ok(sandbox) => sandbox,
        Err(error) => return report.add_error("sandbox", &error.into()),
    };
    let base = config.and_then(|config| config.path.parent()).unwrap_or(Path::new(""));
    for cache in &caches {
        let subject = format!("cache `{}`", cache.name);
        let mut findings = check_plugin(&sandbox, config, cache).await;
        findings.extend(grants::check(cache, base));
        findings.extend(credentials::check_grants(config, cache));
        if !findings.iter().any(|finding| finding.severity == Severity::Error) {
            report.add(Severity::Ok, &subject, &cache.loader)?;
        }
        report.add_all(findings)?;
    }
    let connections = config.map_or(&[][..], |config| &config.connections);
    report.add_all(connections::check(connections, &caches).await)?;
    report.add_all(network::check_grants(&caches, config.and_then(|config| config.http.proxy.as_ref())).await)
}

/// The caches that no host loads. All that could be wrong with them was found when kiwi.toml was read.
fn check_published(config: Option<&Config>, report: &mut Report<'_>) -> Result<()> {
    config.iter().flat_map(|config| &config.published).try_for_each(|cache| {
        let message = format!("published by `kiwi-host publish {}`; no host loads it", cache.name);
        report.add(Severity::Ok, &format!("cache `{}`", cache.name), message)
    })
}

/// What keeps a plugin from running a cache.
async fn check_plugin(sandbox: &Sandbox, config: Option<&Config>, cache: &CacheConfig) -> Vec<Finding> {
    let subject = format!("cache `{}`", cache.name);
    let unfilled = suggest::placeholders(config, cache);
    if !unfilled.is_empty() {
        return unfilled.into_iter().map(|message| Finding::error(&subject, message)).collect();
    }
    let problem = match kiwi_host::inspect(sandbox, cache).await {
        Ok(inspection) => inspection.problem,
        Err(error) => Some(error),
    };
    problem.map(|problem| Finding::error(&subject, suggest::explain(config, cache, &problem))).into_iter().collect()
}
