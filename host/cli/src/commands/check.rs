//! `kiwi-host check`

use std::fmt;

use anyhow::Result;
use kiwi_host::Sandbox;
use serde::Serialize;

use crate::args::{CheckArgs, Format, PlaceArgs};
use crate::config::{Config, select};
use crate::exit::{self, Exit};
use crate::output::{Output, Tone};
use crate::place::Place;
use crate::{advice, compiled};

/// Checks everything that `run` would meet, short of loading, and tells all that it finds.
pub(crate) async fn run(place: &PlaceArgs, args: &CheckArgs, output: &mut Output) -> Result<Exit> {
    let mut report = Report { output, exit: Exit::Done, findings: Vec::new() };
    let config = match Config::find(place.config.as_deref()) {
        Ok(config) => {
            report.configuration(config.as_ref())?;
            report.plugins(config.as_ref(), args).await?;
            config
        }
        Err(error) => {
            report.failed("configuration", &error)?;
            // What it says of plugins is not known; the store may still be named elsewhere.
            if place.store.is_none() {
                return report.finish();
            }
            None
        }
    };
    match Place::new(place, config) {
        Ok(place) => report.store(&place).await?,
        Err(error) => report.failed("store", &error)?,
    }
    report.finish()
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    #[serde(rename = "ok")]
    Fine,
    Warning,
    Error,
}

#[derive(Serialize)]
struct Finding {
    grade: Grade,
    subject: String,
    message: String,
}

/// What was found so far; people see each finding at once.
struct Report<'a> {
    output: &'a mut Output,
    exit: Exit,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn configuration(&mut self, config: Option<&Config>) -> Result<()> {
        match config {
            Some(config) => {
                let message = format!("{} caches in {}", config.caches.len(), config.path.display());
                self.add(Grade::Fine, "configuration", message)
            }
            None => self.add(Grade::Fine, "configuration", "none: every cache gets defaults"),
        }
    }

    async fn plugins(&mut self, config: Option<&Config>, args: &CheckArgs) -> Result<()> {
        let caches = match select(config, &args.plugins) {
            Ok(caches) => caches,
            Err(error) => return self.failed("plugins", &error.into()),
        };
        if caches.is_empty() {
            return self.add(
                Grade::Warning,
                "plugins",
                "nothing to run: name plugins, or add a [cache.NAME] to kiwi.toml",
            );
        }
        let sandbox = match Sandbox::new(compiled::directory(), 1) {
            Ok(sandbox) => sandbox,
            Err(error) => return self.failed("sandbox", &error.into()),
        };
        for cache in caches {
            let is_new = !config.is_some_and(|config| config.has(&cache.name));
            let obstacle = match kiwi_host::inspect(&sandbox, &cache).await {
                Ok(inspection) => inspection.obstacle,
                Err(error) => Some(error),
            };
            let subject = format!("cache `{}`", cache.name);
            let Some(obstacle) = obstacle else {
                self.add(Grade::Fine, &subject, &cache.loader)?;
                continue;
            };
            self.exit_at_least(Exit::Usage);
            let plugin = cache.plugin().filter(|_| is_new);
            self.add(Grade::Error, &subject, advice::obstacle(&cache.name, plugin, &obstacle))?;
        }
        Ok(())
    }

    async fn store(&mut self, place: &Place) -> Result<()> {
        let store = match place.store_to_be_made() {
            Ok(None) => place.look_into_store(),
            Ok(Some(url)) => {
                return self.add(Grade::Fine, "store", format_args!("{url} is not there yet: `run` makes it"));
            }
            Err(error) => Err(error),
        };
        let store = match store {
            Ok(store) => store,
            Err(error) => return self.failed("store", &error),
        };
        let findings = match store.check().await {
            Ok(findings) => findings,
            Err(error) => return self.failed("store", &error.into()),
        };
        if findings.is_empty() {
            return self.add(Grade::Fine, "store", store.location());
        }
        for finding in findings {
            if finding.fatal {
                self.exit_at_least(Exit::Failed);
            }
            let grade = if finding.fatal { Grade::Error } else { Grade::Warning };
            self.add(grade, "store", finding.message)?;
        }
        Ok(())
    }

    fn failed(&mut self, subject: &str, error: &anyhow::Error) -> Result<()> {
        self.exit_at_least(Exit::of(error));
        self.add(Grade::Error, subject, exit::explain(error))
    }

    fn add(&mut self, grade: Grade, subject: &str, message: impl fmt::Display) -> Result<()> {
        if self.output.format() == Format::Human {
            let (word, tone) = match grade {
                Grade::Fine => ("ok     ", Tone::Good),
                Grade::Warning => ("warning", Tone::Doubtful),
                Grade::Error => ("error  ", Tone::Bad),
            };
            let word = self.output.paint(tone, word);
            self.output.line(format_args!("{word}  {subject}: {message}"))?;
        }
        self.findings.push(Finding { grade, subject: subject.to_owned(), message: message.to_string() });
        Ok(())
    }

    /// A wrong configuration weighs more than a store that is away.
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
