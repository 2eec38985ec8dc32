//! The tables `[cache.NAME]` and `[defaults]`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kiwi_host::{
    AskedTiming, CacheConfig, Connection, DirGrant, FileGrant, Grants, Guards, Limits, Settings, parse_duration,
    parse_ttl,
};
use kiwi_rows::near::nearest;
use kiwi_store::{Error, Layout, Name, Push, RecordKey};

use super::credentials::Credentials;
use super::published::{NotLoadedHere, Source, check_published};
use super::section::Section;
use super::value::{json_object, mismatch, number, table, text};
use crate::{human, shipped};

/// The longest key that the embedded store can hold, in bytes.
const MAX_KEY_BYTES: u64 = 511;
/// One page of a guest's memory, and all that 32 bits address.
const MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;
/// The deepest JSON that serde_json parses.
const MAX_JSON_DEPTH: u64 = 127;

/// What stands around a cache in its file.
pub(super) struct Around<'a> {
    /// The directory of the file, which paths are relative to.
    pub(super) base: &'a Path,
    pub(super) credentials: &'a Credentials,
    pub(super) connections: &'a [Connection],
    /// The files that no plugin may read, kiwi.toml first.
    pub(super) kept: &'a [PathBuf],
}

/// The values for what a cache does not set itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    timing: AskedTiming,
    allow_empty_data: bool,
    guards: Guards,
    max_stall: Option<Duration>,
    limits: Limits,
}

impl Defaults {
    /// Reads `[defaults]`.
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let defaults = Self {
            timing: read_timing(&mut section),
            allow_empty_data: section.flag("allow_empty_data").unwrap_or_default(),
            guards: read_guards(&mut section),
            max_stall: section.text("max_stall", parse_duration),
            limits: read_limits(&mut section, Limits::default(), Source::Plugin),
        };
        section.finish();
        defaults
    }

    /// A cache that sets nothing but its plugin.
    pub(super) fn cache(&self, name: Name, plugin: &Path) -> CacheConfig {
        self.for_all(CacheConfig::new(name, plugin))
    }

    /// A cache that `kiwi-host publish` publishes, and that sets nothing else.
    pub(crate) fn published(&self, name: Name) -> CacheConfig {
        self.for_all(CacheConfig::native(name, NotLoadedHere))
    }

    fn for_all(&self, cache: CacheConfig) -> CacheConfig {
        CacheConfig {
            timing: self.timing,
            allow_empty_data: self.allow_empty_data,
            guards: self.guards,
            max_stall: self.max_stall.unwrap_or(cache.max_stall),
            limits: self.limits.clone(),
            ..cache
        }
    }

    /// Reads one `[cache.NAME]`; `others` are the caches before it.
    pub(super) fn read_cache(
        &self,
        name: Name,
        mut section: Section<'_>,
        around: &Around<'_>,
        others: &[CacheConfig],
    ) -> Option<CacheConfig> {
        let base = around.base;
        let source = Source::read(&mut section);
        let plugin = section
            .text("plugin", |plugin| Ok(shipped::path_of(Path::new(plugin)).unwrap_or_else(|| base.join(plugin))));
        let mut cache = match source {
            Source::Publish => self.published(name),
            Source::Plugin => self.cache(name, plugin.as_deref().unwrap_or(base)),
        };
        if !section.has("source") {
            section.required("plugin", plugin.as_ref(), "the path of a .wasm file, or the name of a shipped plugin");
        }
        cache.settings = section.value("settings", settings).unwrap_or_default();
        cache.timing = read_timing(&mut section).or(self.timing);
        cache.allow_empty_data = section.flag("allow_empty_data").unwrap_or(self.allow_empty_data);
        cache.guards = read_guards(&mut section).or(self.guards);
        cache.max_stall = section.text("max_stall", parse_duration).unwrap_or(cache.max_stall);
        cache.grants = section.section("grants").map(|grants| read_grants(grants, around)).unwrap_or_default();
        cache.limits = read_limits(&mut section, self.limits.clone(), source);
        cache.layout = read_layout(&mut section, &cache.name);
        cache.push = section.text("push", read_push).unwrap_or_default();
        if cache.push == Push::Delta && cache.layout.record_key().is_some() {
            let message = "`push = \"delta\"` has no effect with a record, which is always written whole; remove it";
            section.problem_at("push", message.to_owned());
        }
        check_timing(&cache, &section);
        check_record(&cache, &section, others);
        if source == Source::Publish {
            check_published(&mut section);
        }
        section.finish();
        (plugin.is_some() || source == Source::Publish).then_some(cache)
    }
}

fn read_timing(section: &mut Section<'_>) -> AskedTiming {
    AskedTiming {
        reload_ttl: section.text("reload_ttl", parse_duration),
        refill_interval: section.text("refill_interval", parse_duration),
        cache_ttl: section.text("cache_ttl", parse_ttl),
        lease_ttl: section.text("lease_ttl", parse_duration),
    }
}

/// A cache switches a default guard off with `0` and `100%`.
fn read_guards(section: &mut Section<'_>) -> Guards {
    Guards {
        min_entries: section.value("min_entries", |item| {
            number(item).ok_or_else(|| mismatch("a whole number that is not negative", item))
        }),
        max_shrink: section.value("max_shrink", |item| {
            let text = text(item).map_err(|_| mismatch("a percentage such as `30%`", item))?;
            text.parse().map_err(|error: Error| error.to_string())
        }),
    }
}

/// Reports timings that contradict each other. What the plugin suggests for the rest is not known yet.
fn check_timing(cache: &CacheConfig, section: &Section<'_>) {
    let is_known = cache.timing.reload_ttl.is_some() || cache.plugin().is_none();
    if is_known && let Err(error) = cache.timing.resolve(&cache.name) {
        section.problem_at("cache_ttl", error.to_string());
    }
}

/// Reports a record that another cache has too: the two would overwrite each other again and again.
fn check_record(cache: &CacheConfig, section: &Section<'_>, others: &[CacheConfig]) {
    let Some(key) = cache.layout.record_key() else { return };
    if let Some(other) = others.iter().find(|other| other.layout.record_key() == Some(key)) {
        let message = format!(
            "the caches `{}` and `{}` both write the record `{key}`; expected one each",
            other.name, cache.name
        );
        section.problem_here(message);
    }
}

/// The class and suffix of a record default to the name of the cache.
fn read_layout(section: &mut Section<'_>, cache: &Name) -> Layout {
    let layout = section.text("layout", |layout| match layout {
        "hash" | "record" | "both" => Ok(layout.to_owned()),
        _ => {
            let layout = layout.escape_debug();
            Err(Error::invalid(format!(
                "`{layout}` is not a valid layout (expected `hash`, the default, `record` or `both`)"
            )))
        }
    });
    let has_hash = section.flag("hash").unwrap_or(true);
    if !has_hash && layout.as_deref().is_some_and(|layout| layout != "hash") {
        let message = "`hash = false` has no effect with this layout; remove it, or use `layout = \"hash\"`";
        section.problem_at("hash", message.to_owned());
    }
    let record_key = section.text("record_key", str::parse::<RecordKey>);
    let has_record_key = record_key.is_some();
    match (layout.as_deref(), record_key.or_else(|| cache.as_str().parse().ok())) {
        (Some("record"), Some(key)) => Layout::Record(key),
        (Some("both"), Some(key)) => Layout::Both(key),
        _ => {
            if has_record_key {
                let message = "`record_key` has no effect with the layout `hash`; add `layout = \"record\"` or `layout = \
                               \"both\"`, or remove it";
                section.problem_at("record_key", message.to_owned());
            }
            if has_hash { Layout::Hash } else { Layout::Version }
        }
    }
}

fn read_push(push: &str) -> Result<Push, Error> {
    match push {
        "hint" => Ok(Push::Hint),
        "delta" => Ok(Push::Delta),
        _ => Err(Error::invalid(format!(
            "`{}` is not valid (expected `hint`, the default, or `delta`)",
            push.escape_debug()
        ))),
    }
}

fn read_grants(mut section: Section<'_>, around: &Around<'_>) -> Grants {
    let Around { base, credentials, connections, kept } = around;
    let kept: Vec<&Path> = kept.iter().map(PathBuf::as_path).collect();
    let grants = Grants {
        http: section.texts("http", str::parse).unwrap_or_default(),
        dirs: section.texts("dirs", |dir| read_dir_grant(dir, base, &kept)).unwrap_or_default(),
        files: section.texts("files", |file| read_file_grant(file, base, &kept[1..])).unwrap_or_default(),
        env: section.texts("env", |name| Ok(name.to_owned())).unwrap_or_default(),
        connections: section.texts("connections", |name| find(name, connections)).unwrap_or_default(),
        secrets: section.section("secrets").map(|secrets| credentials.grants(secrets)).unwrap_or_default(),
        auth: section.texts("auth", |name| credentials.auth(name)).into_iter().flatten().flatten().collect(),
    };
    section.finish();
    grants
}

/// The connection of this name.
fn find(name: &str, connections: &[Connection]) -> kiwi_store::Result<Connection> {
    if let Some(found) = connections.iter().find(|connection| connection.name == name) {
        return Ok(found.clone());
    }
    let shown = name.escape_debug();
    let hint = match nearest(name, connections.iter().map(|connection| connection.name.as_str())) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("add `[connections.{shown}]` with its `url`"),
    };
    Err(Error::invalid(format!("there is no connection `{shown}`: {hint}")))
}

/// A directory with kiwi.toml or a file of a secret in it would hand passwords to the plugin.
fn read_dir_grant(dir: &str, base: &Path, kept: &[&Path]) -> kiwi_store::Result<DirGrant> {
    let grant = DirGrant::new(dir, base);
    grant.check(kept)?;
    Ok(grant)
}

fn read_file_grant(file: &str, base: &Path, secrets: &[&Path]) -> kiwi_store::Result<FileGrant> {
    let grant = FileGrant::new(file, base)?;
    grant.check(secrets)?;
    Ok(grant)
}

fn read_limits(section: &mut Section<'_>, fallback: Limits, source: Source) -> Limits {
    let Some(mut section) = section.section("limits") else { return fallback };
    let limits = Limits {
        memory: section.size("memory", MEMORY).unwrap_or(fallback.memory),
        load_timeout: section.text("load_timeout", parse_duration).unwrap_or(fallback.load_timeout),
        entries: section.number("entries", u64::MAX).unwrap_or(fallback.entries),
        key_bytes: section.number("key_bytes", MAX_KEY_BYTES).unwrap_or(fallback.key_bytes),
        value_bytes: section.size("value_bytes", ANY).unwrap_or(fallback.value_bytes),
        json_depth: section.number("json_depth", MAX_JSON_DEPTH).unwrap_or(fallback.json_depth),
        total_bytes: section.size("total_bytes", ANY).unwrap_or(fallback.total_bytes),
        log_bytes: section.size("log_bytes", ANY).unwrap_or(fallback.log_bytes),
        hostcall_bytes: section.size("hostcall_bytes", ANY).unwrap_or(fallback.hostcall_bytes),
        http_response_bytes: section.size("http_response_bytes", ANY).unwrap_or(fallback.http_response_bytes),
        open_responses: section.number("open_responses", u64::MAX).unwrap_or(fallback.open_responses),
        query_rows: section.number("query_rows", u64::MAX).unwrap_or(fallback.query_rows),
        query_bytes: section.size("query_bytes", ANY).unwrap_or(fallback.query_bytes),
    };
    check_sizes(&limits, &section, source);
    section.finish();
    limits
}

/// A size that bounds what exists anyway: any will do.
const ANY: RangeInclusive<u64> = 1..=u64::MAX;

/// Reports a value that may be longer than what one call carries, or than the whole map: it could never be published.
fn check_sizes(limits: &Limits, section: &Section<'_>, source: Source) {
    // Nothing calls the host where there is no guest.
    let call = (source == Source::Plugin).then_some(("hostcall_bytes", limits.hostcall_bytes));
    for (name, bytes) in call.into_iter().chain([("total_bytes", limits.total_bytes)]) {
        let is_set = section.has("value_bytes") || section.has(name) && name == "hostcall_bytes";
        if is_set && bytes < limits.value_bytes {
            let (value, bytes) = (human::bytes(limits.value_bytes), human::bytes(bytes));
            section.problem_at(
                if section.has("value_bytes") { "value_bytes" } else { name },
                format!(
                    "`value_bytes` ({value}) is larger than `{name}` ({bytes}): such a value could not be published; \
                         expected a smaller `value_bytes` or a larger `{name}`"
                ),
            );
        }
    }
}

fn settings(item: &toml_edit::Item) -> Result<Settings, String> {
    Settings::new(json_object(table(item)?)?).map_err(|error| error.to_string())
}
