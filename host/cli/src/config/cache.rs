//! The tables `[cache.NAME]` and `[defaults]`.

use std::path::Path;
use std::time::Duration;

use kiwi_host::{
    AskedTiming, CacheConfig, DirGrant, Grants, Guards, Limits, Settings, parse_duration, parse_size, parse_ttl,
};
use kiwi_store::{Error, Layout, Name, RecordKey};
use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

use super::document::{Section, mismatch, number, table};

/// What holds for each cache that does not say otherwise.
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
            limits: read_limits(&mut section, Limits::default()),
        };
        section.finish();
        defaults
    }

    /// A cache of which nothing is said but its plugin.
    pub(crate) fn cache(&self, name: Name, plugin: &Path) -> CacheConfig {
        let cache = CacheConfig::new(name, plugin);
        CacheConfig {
            timing: self.timing,
            allow_empty_data: self.allow_empty_data,
            guards: self.guards,
            max_stall: self.max_stall.unwrap_or(cache.max_stall),
            limits: self.limits.clone(),
            ..cache
        }
    }

    /// Reads one `[cache.NAME]`; `base` is the directory that its paths are relative to.
    pub(super) fn read_cache(&self, name: Name, mut section: Section<'_>, base: &Path) -> Option<CacheConfig> {
        let plugin = section.text("plugin", |path| Ok(base.join(path)));
        let plugin = section.required("plugin", plugin, "the path of its loader, a .wasm file");
        let mut cache = self.cache(name, plugin.as_deref().unwrap_or(base));
        cache.settings =
            section.value("settings", |value| json_object(table(value)?)).map(Settings).unwrap_or_default();
        cache.timing = read_timing(&mut section).or(self.timing);
        cache.allow_empty_data = section.flag("allow_empty_data").unwrap_or(self.allow_empty_data);
        cache.guards = read_guards(&mut section).or(self.guards);
        cache.max_stall = section.text("max_stall", parse_duration).unwrap_or(cache.max_stall);
        cache.grants = section.section("grants").map(|grants| read_grants(grants, base)).unwrap_or_default();
        cache.limits = read_limits(&mut section, self.limits.clone());
        cache.layout = read_layout(&mut section, &cache.name);
        check_timing(&cache, &section);
        section.finish();
        plugin.map(|_| cache)
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

/// A default that is not wanted for one cache is undone by `0` and `100%`.
fn read_guards(section: &mut Section<'_>) -> Guards {
    Guards {
        min_entries: section.value("min_entries", |value| {
            number(value).ok_or_else(|| mismatch("a whole number that is not negative", value))
        }),
        max_shrink: section.value("max_shrink", |value| {
            let text = value.as_str().ok_or_else(|| mismatch("a percentage such as `30%`", value))?;
            text.parse().map_err(|error: Error| error.to_string())
        }),
    }
}

/// What the operator's own words contradict. What the plugin proposes for the rest is not known here.
fn check_timing(cache: &CacheConfig, section: &Section<'_>) {
    if cache.timing.reload_ttl.is_some()
        && let Err(error) = cache.timing.resolve(&cache.name)
    {
        let place = section.span_of("cache_ttl").unwrap_or_else(|| section.own_span());
        section.document().problem(place, error.to_string());
    }
}

/// In a record, kiwi-cache's class and suffix are the cache's name unless `record_key` says otherwise.
fn read_layout(section: &mut Section<'_>, cache: &Name) -> Layout {
    let layout = section.text("layout", |layout| match layout {
        "hash" | "record" | "both" => Ok(layout.to_owned()),
        _ => {
            let layout = layout.escape_debug();
            Err(Error::invalid(format!("`{layout}` is no layout: expected `hash`, the default, `record` or `both`")))
        }
    });
    let named = section.text("record_key", str::parse::<RecordKey>);
    let has_name = named.is_some();
    match (layout.as_deref(), named.or_else(|| cache.as_str().parse().ok())) {
        (Some("record"), Some(key)) => Layout::Record(key),
        (Some("both"), Some(key)) => Layout::Both(key),
        _ => {
            if has_name && let Some(place) = section.span_of("record_key") {
                let message = "`record_key` names kiwi-cache's record, which the layout `hash` does not have: expected \
                               `layout = \"record\"` or `layout = \"both\"` with it";
                section.document().problem(place, message.to_owned());
            }
            Layout::Hash
        }
    }
}

fn read_grants(mut section: Section<'_>, base: &Path) -> Grants {
    let grants = Grants {
        http: section.texts("http", str::parse).unwrap_or_default(),
        dirs: section.texts("dirs", |dir| Ok(DirGrant::new(dir, base))).unwrap_or_default(),
        env: section.texts("env", |name| Ok(name.to_owned())).unwrap_or_default(),
    };
    section.finish();
    grants
}

fn read_limits(section: &mut Section<'_>, fallback: Limits) -> Limits {
    let Some(mut section) = section.section("limits") else { return fallback };
    let limits = Limits {
        memory: read_size(&mut section, "memory").unwrap_or(fallback.memory),
        load_timeout: section.text("load_timeout", parse_duration).unwrap_or(fallback.load_timeout),
        entries: section.number("entries", u64::MAX).unwrap_or(fallback.entries),
        key_bytes: section.number("key_bytes", 511).unwrap_or(fallback.key_bytes),
        value_bytes: read_size(&mut section, "value_bytes").unwrap_or(fallback.value_bytes),
        json_depth: section.number("json_depth", 127).unwrap_or(fallback.json_depth),
        total_bytes: read_size(&mut section, "total_bytes").unwrap_or(fallback.total_bytes),
        log_bytes: read_size(&mut section, "log_bytes").unwrap_or(fallback.log_bytes),
        hostcall_bytes: read_size(&mut section, "hostcall_bytes").unwrap_or(fallback.hostcall_bytes),
        http_response_bytes: read_size(&mut section, "http_response_bytes").unwrap_or(fallback.http_response_bytes),
        open_responses: section.number("open_responses", u64::MAX).unwrap_or(fallback.open_responses),
    };
    section.finish();
    limits
}

/// A number of bytes, as text such as `64 MiB` or as a number.
fn read_size(section: &mut Section<'_>, key: &'static str) -> Option<u64> {
    section.value(key, |value| match (value.as_str(), number(value)) {
        (Some(text), _) => parse_size(text).map_err(|error| error.to_string()),
        (None, Some(bytes)) if bytes > 0 => Ok(bytes),
        (None, _) => Err(mismatch("a size such as `64 MiB`", value)),
    })
}

/// Settings as the loader gets them. Messages name the key, never the value.
fn json_object(table: &DeTable<'_>) -> Result<Map<String, Value>, String> {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        let value = json(value.get_ref()).map_err(|message| format!("`{}`: {message}", key.escape_debug()))?;
        Ok((key.to_string(), value))
    };
    table.iter().map(entry).collect()
}

fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::from)
            .map_err(|_| "expected a whole number of at most 64 bits".to_owned())?,
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or("expected a number that JSON can hold")?)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, String>>()?)
        }
        DeValue::Table(table) => Value::Object(json_object(table)?),
    })
}
