//! `kiwi-host check`

use std::fmt::Display;

use anyhow::Result;
use kiwi_host::Sandbox;
use serde::Serialize;

use crate::args::{CheckArgs, Format, TargetArgs};
use crate::config::{Config, select};
use crate::exit::{self, Exit};
use crate::output::Output;
use crate::style::Style;
use crate::target::Target;
use crate::{compile_cache, suggest};

/// Checks everything that `run` needs, without loading anything, and reports all findings.
pub(crate) async fn run(target: &TargetArgs, args: &CheckArgs, output: &mut Output) -> Result<Exit> {
    let mut report = Report { output, exit: Exit::Success, findings: Vec::new() };
    let config = match Config::find(target.config.as_deref()) {
        Ok(config) => {
            report.check_configuration(config.as_ref())?;
            report.check_plugins(config.as_ref(), args).await?;
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
        Ok(target) => report.check_store(&target).await?,
        Err(error) => report.add_error("store", &error)?,
    }
    report.finish()
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Ok,
    Warning,
    Error,
}

#[derive(Serialize)]
struct Finding {
    #[serde(rename = "grade")]
    severity: Severity,
    subject: String,
    message: String,
}

/// The findings so far. In the human format, each is printed immediately.
struct Report<'a> {
    output: &'a mut Output,
    exit: Exit,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn check_configuration(&mut self, config: Option<&Config>) -> Result<()> {
        match config {
            Some(config) => {
                let message = match config.caches.len() {
                    1 => format!("1 cache in {}", config.path.display()),
                    caches => format!("{caches} caches in {}", config.path.display()),
                };
                self.add(Severity::Ok, "configuration", message)
            }
            None => self.add(Severity::Ok, "configuration", "no kiwi.toml: every cache uses the defaults"),
        }
    }

    async fn check_plugins(&mut self, config: Option<&Config>, args: &CheckArgs) -> Result<()> {
        let caches = match select(config, &args.plugins) {
            Ok(caches) => caches,
            Err(error) => return self.add_error("plugins", &error.into()),
        };
        if caches.is_empty() {
            let message = "nothing to run: pass plugins, or add a `[cache.NAME]` table to kiwi.toml";
            return self.add(Severity::Warning, "plugins", message);
        }
        let sandbox = match Sandbox::new(compile_cache::directory(), 1) {
            Ok(sandbox) => sandbox,
            Err(error) => return self.add_error("sandbox", &error.into()),
        };
        for cache in caches {
            let is_new = !config.is_some_and(|config| config.has(&cache.name));
            let problem = match kiwi_host::inspect(&sandbox, &cache).await {
                Ok(inspection) => inspection.problem,
                Err(error) => Some(error),
            };
            let subject = format!("cache `{}`", cache.name);
            let Some(problem) = problem else {
                self.add(Severity::Ok, &subject, &cache.loader)?;
                continue;
            };
            self.exit_at_least(Exit::Usage);
            let plugin = cache.plugin().filter(|_| is_new);
            self.add(Severity::Error, &subject, suggest::explain(&cache.name, plugin, &problem))?;
        }
        Ok(())
    }

    async fn check_store(&mut self, target: &Target) -> Result<()> {
        let store = match target.store_to_create() {
            Ok(None) => target.open_existing_store(),
            Ok(Some(url)) => {
                let message = format!("{url} does not exist yet; `kiwi-host run` creates it");
                return self.add(Severity::Ok, "store", message);
            }
            Err(error) => Err(error),
        };
        let store = match store {
            Ok(store) => store,
            Err(error) => return self.add_error("store", &error),
        };
        let findings = match store.check().await {
            Ok(findings) => findings,
            Err(error) => return self.add_error("store", &error.into()),
        };
        if findings.is_empty() {
            return self.add(Severity::Ok, "store", store.location());
        }
        for finding in findings {
            if finding.fatal {
                self.exit_at_least(Exit::Failure);
            }
            let severity = if finding.fatal { Severity::Error } else { Severity::Warning };
            self.add(severity, "store", finding.message)?;
        }
        Ok(())
    }

    fn add_error(&mut self, subject: &str, error: &anyhow::Error) -> Result<()> {
        self.exit_at_least(Exit::of(error));
        self.add(Severity::Error, subject, exit::explain(error))
    }

    fn add(&mut self, severity: Severity, subject: &str, message: impl Display) -> Result<()> {
        if self.output.format() == Format::Human {
            let (word, style) = match severity {
                Severity::Ok => ("ok     ", Style::Good),
                Severity::Warning => ("warning", Style::Warning),
                Severity::Error => ("error  ", Style::Bad),
            };
            let word = self.output.paint(style, word);
            self.output.line(format_args!("{word}  {subject}: {message}"))?;
        }
        self.findings.push(Finding { severity, subject: subject.to_owned(), message: message.to_string() });
        Ok(())
    }

    /// An invalid configuration takes precedence over a store that cannot be reached.
    fn exit_at_least(&mut self, exit: Exit) {
        if self.exit != Exit::Usage {
            self.exit = exit;
        }
    }

    fn finish(self) -> Result<Exit> {
        if self.output.format() == Format::Json {
            self.output.json(&self.findings)?;
        }
        Ok(self.exit)
    }
}
