//! `kiwi-host inspect PLUGIN`

use std::path::Path;

use anyhow::Result;
use kiwi_host::{AskedTiming, CacheConfig, Description, Inspection, Needs, PluginError, Sandbox};
use kiwi_store::{Name, Ttl};
use serde_json::{Value, json};

use crate::args::{Format, InspectArgs};
use crate::config::select;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Terminal;
use crate::style::Style;
use crate::suggest::Missing;
use crate::target::Target;
use crate::{compile_cache, human, suggest, visible};

/// Shows a plugin's settings and imports, and for each of its caches whether the plugin has what it
/// needs. The plugin's `describe` runs, without grants; nothing is loaded.
pub(crate) async fn run(target: &Target, args: &InspectArgs, output: &mut Output, terminal: &Terminal) -> Result<Exit> {
    let sandbox = Sandbox::new(compile_cache::compilation(), 1)?;
    let mut found = Vec::new();
    let (caches, note) = caches(target, &args.plugin)?;
    for cache in caches {
        let doing = format!("compiling {}", args.plugin.display());
        let inspection = terminal.show_doing(doing, kiwi_host::inspect(&sandbox, &cache)).await?;
        let is_new = !target.config.as_ref().is_some_and(|config| config.has(&cache.name));
        let needs = inspection.problem.as_ref().and_then(PluginError::needs);
        let missing = needs.map(|needs| Missing::new(target.config.as_ref(), &cache, needs));
        let advice = missing.as_ref().map(|missing| suggest::advice(target.config.as_ref(), &cache.name, missing));
        let toml_to_add = missing.as_ref().map(|missing| suggest::toml_to_add(&cache.name, missing));
        found.push(Inspected { cache, is_new, inspection, advice, toml_to_add });
    }
    match (output.format(), found.first()) {
        (_, None) => {}
        (Format::Json, Some(first)) => output.json(&to_json(&args.plugin, first, &found, note.as_deref()))?,
        (Format::Human, Some(first)) => {
            write(&args.plugin, first, &found, output)?;
            if let Some(note) = note {
                output.line("")?;
                output.styled_line(Style::Warning, format_args!("  note: {note}"))?;
            }
        }
    }
    Ok(Exit::Success)
}

/// The caches that a plugin has in kiwi.toml, or would have. A file name that cannot be the name of a cache is said, and
/// is no reason not to show the plugin.
fn caches(target: &Target, plugin: &Path) -> Result<(Vec<CacheConfig>, Option<String>)> {
    let stem = plugin.file_stem().unwrap_or_default().to_string_lossy();
    let selected = select(target.config.as_ref(), &[plugin.to_owned()]);
    match (selected, stem.parse::<Name>()) {
        (Err(error), Err(invalid)) if error.is_invalid() => {
            let name = valid_name(&stem);
            let note =
                format!("{invalid}; name its cache in kiwi.toml, for example `[cache.{name}]`, or rename the file");
            Ok((vec![CacheConfig::new(name, plugin)], Some(note)))
        }
        (selected, _) => Ok((selected?, None)),
    }
}

/// A name like this one that a cache may have.
fn valid_name(stem: &str) -> Name {
    let valid = |char: char| if char.is_ascii_alphanumeric() || char == '-' || char == '_' { char } else { '-' };
    let name: String = stem.chars().map(valid).take(40).collect();
    name.trim_matches('-').parse().or_else(|_| "plugin".parse()).expect("`plugin` is a valid name")
}

/// A plugin as one cache would run it. Which grants it asks for depends on the settings of the cache.
struct Inspected {
    cache: CacheConfig,
    /// Whether the cache is not in kiwi.toml yet.
    is_new: bool,
    inspection: Inspection,
    /// What to add to kiwi.toml, and where.
    advice: Option<String>,
    /// The same as a table of its own.
    toml_to_add: Option<String>,
}

impl Inspected {
    fn needs(&self) -> Option<&Needs> {
        self.inspection.problem.as_ref()?.needs()
    }
}

fn to_json(plugin: &Path, first: &Inspected, found: &[Inspected], note: Option<&str>) -> Value {
    let caches = found.iter().map(|inspected| {
        json!({
            "cache": inspected.cache.name.as_str(),
            "configured": !inspected.is_new,
            "problem": inspected.inspection.problem.as_ref().map(ToString::to_string),
            "toml_to_add": inspected.toml_to_add,
        })
    });
    let Inspection { world, contract_version, imports, description, .. } = &first.inspection;
    json!({
        "plugin": plugin,
        "note": note,
        "world": world,
        "contract_version": contract_version,
        "imports": imports,
        "description": description.as_ref().map(description_to_json),
        "caches": caches.collect::<Vec<_>>(),
    })
}

fn description_to_json(description: &Description) -> Value {
    let settings = description.settings.iter().map(|setting| {
        let default: Option<Value> = setting.default_value.as_deref().and_then(|text| serde_json::from_str(text).ok());
        json!({
            "name": setting.name,
            "kind": setting.kind,
            "required": setting.required,
            "default": default,
            "help": setting.help,
        })
    });
    let grants = description
        .grants
        .iter()
        .map(|grant| json!({ "kind": grant.kind, "name": grant.name, "reason": grant.reason }));
    json!({
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "settings": settings.collect::<Vec<_>>(),
        "grants": grants.collect::<Vec<_>>(),
        "overruled": description.overruled.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(),
    })
}

fn write(plugin: &Path, first: &Inspected, found: &[Inspected], output: &mut Output) -> Result<()> {
    let Inspection { world, contract_version, imports, description, .. } = &first.inspection;
    output.styled_line(Style::Heading, plugin.display())?;
    let version = contract_version.as_ref().map_or(String::new(), |version| format!("@{version}"));
    output.line(format_args!("  world     kiwi:loader/{world}{version}"))?;
    match description {
        Some(description) => write_description(description, output)?,
        None => output.line("  no description: its settings and grants are unknown until it runs")?,
    }
    output.line("")?;
    output.styled_line(Style::Heading, "  IMPORTS")?;
    for import in imports {
        output.line(format_args!("  {}", visible::text(import)))?;
    }
    found.iter().try_for_each(|inspected| write_cache(inspected, output))
}

fn write_description(description: &Description, output: &mut Output) -> Result<()> {
    let Description { name, version, summary, timing, overruled, settings, .. } = description;
    output.line(format_args!("  loader    {name} {version}: {summary}"))?;
    if let Some(suggested) = suggestion(timing) {
        output.line(format_args!("  suggests  {suggested}"))?;
    }
    for suggestion in overruled {
        output.styled_line(Style::Warning, format_args!("  note      {}", suggestion.message))?;
    }
    if settings.is_empty() {
        return Ok(output.line("  settings  none")?);
    }
    let rows = settings.iter().map(|setting| {
        let default = match (&setting.default_value, setting.required) {
            (Some(default), _) => default.clone(),
            (None, true) => "required".to_owned(),
            (None, false) => "-".to_owned(),
        };
        (Style::Plain, [setting.name.clone(), setting.kind.clone(), default, setting.help.clone()])
    });
    output.line("")?;
    Ok(output.table(["SETTING", "KIND", "DEFAULT", "DESCRIPTION"], rows, 2)?)
}

fn suggestion(timing: &AskedTiming) -> Option<String> {
    let reload_ttl = timing.reload_ttl.map(|ttl| format!("reload_ttl = \"{}\"", human::duration(ttl)));
    let cache_ttl = timing.cache_ttl.map(|ttl| match ttl {
        Ttl::For(ttl) => format!("cache_ttl = \"{}\"", human::duration(ttl)),
        Ttl::Forever => "cache_ttl = \"none\"".to_owned(),
    });
    let words: Vec<String> = reload_ttl.into_iter().chain(cache_ttl).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn write_cache(inspected: &Inspected, output: &mut Output) -> Result<()> {
    let name = &inspected.cache.name;
    let missing = inspected.needs().map_or(&[][..], |needs| &needs.grants);
    let asked = inspected.inspection.description.iter().flat_map(|description| &description.grants);
    output.line("")?;
    for grant in asked {
        let (style, word) =
            if missing.contains(grant) { (Style::Bad, "not granted") } else { (Style::Good, "granted") };
        let line = format!("  cache `{name}`: {} \"{}\" ({}): {word}", grant.kind, grant.name, grant.reason);
        output.styled_line(style, line)?;
    }
    match (&inspected.inspection.problem, &inspected.advice) {
        (None, _) if inspected.is_new => output.styled_line(Style::Good, "  runs without any configuration")?,
        (None, _) => output.styled_line(Style::Good, format_args!("  cache `{name}`: has everything it needs"))?,
        (Some(problem), None) => output.styled_line(Style::Bad, format_args!("  cache `{name}`: {problem}"))?,
        (Some(problem), Some(advice)) => {
            output.styled_line(Style::Bad, format_args!("  cache `{name}`: {problem}"))?;
            advice.lines().try_for_each(|line| output.line(format_args!("  {line}")))?;
        }
    }
    Ok(())
}
