//! Uses the whole contract: each function, each method, `describe`. `tests/kept` keeps a build of it.
//!
//! With `url` set, the response is an entry, too.

wit_bindgen::generate!({ path: "../../../wit", world: "described-loader" });

use kiwi::loader::about::{Grant, Setting, SettingKind};
use kiwi::loader::log::Level;
use kiwi::loader::{http, log, mark, output, settings};
use serde_json::{Value, json};

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        for level in [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error] {
            log::write(level, &format!("a line at {level:?}"));
        }
        let settings = settings::get();
        let published = mark::published();
        if published.as_deref() == Some(settings.as_str()) {
            mark::unchanged();
            return Ok(Vec::new());
        }
        mark::set(&settings);
        output::emit(&[entry("settings", settings.clone()), entry("published", json!(published))])?;
        match url(&settings)? {
            Some(url) => Ok(vec![entry("answer", get(url)?)]),
            None => Ok(vec![entry("answer", "null")]),
        }
    }

    fn describe() -> Description {
        let setting = Setting {
            name: "url".into(),
            kind: SettingKind::Text,
            required: false,
            default_value: Some("null".into()),
            help: "What to get.".into(),
        };
        let url = url(&settings::get()).ok().flatten();
        let origin = |url: String| url.split('/').take(3).collect::<Vec<_>>().join("/");
        let grant = |url| Grant { kind: "http".into(), name: origin(url), reason: "to get `url`".into() };
        Description {
            name: "whole-contract".into(),
            version: "0.1.0".into(),
            summary: "Uses everything the contract has.".into(),
            reload_ttl: Some("5m".into()),
            cache_ttl: Some("none".into()),
            settings: vec![setting],
            grants: url.into_iter().map(grant).collect(),
        }
    }
}

fn entry(key: &str, value: impl ToString) -> Entry {
    Entry { key: key.into(), value: value.to_string() }
}

fn url(settings: &str) -> Result<Option<String>, LoadError> {
    let settings: Value =
        serde_json::from_str(settings).map_err(|error| LoadError::InvalidSettings(error.to_string()))?;
    Ok(settings["url"].as_str().map(String::from))
}

fn get(url: String) -> Result<Value, LoadError> {
    let headers = vec![("accept".into(), "text/plain".into())];
    let request = http::Request { method: "GET".into(), url, headers, body: None, timeout_ms: Some(10_000) };
    let response = http::send(&request)?;
    let first = response.read(4)?.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&first).into_owned();
    while let Some(lines) = response.read_text(65_536)? {
        text += &lines;
    }
    Ok(json!({
        "status": response.status(),
        "url": response.url(),
        "content_type": response.header("content-type"),
        "headers": response.headers().len(),
        "text": text,
    }))
}

export!(Component);
