//! Its `describe` asks for the `grants` of its settings, each as `KIND NAME`. It loads one entry.

wit_bindgen::generate!({ path: "../../../wit", world: "described-loader" });

use kiwi::loader::about::{Grant, Setting, SettingKind};
use kiwi::loader::settings;
use serde_json::Value;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: "FR".into(), value: "1".into() }])
    }

    fn describe() -> Description {
        let setting = Setting {
            name: "grants".into(),
            kind: SettingKind::Array,
            required: false,
            default_value: Some("[]".into()),
            help: "What to ask for.".into(),
        };
        let settings: Value = serde_json::from_str(&settings::get()).unwrap_or_default();
        let asked = settings["grants"].as_array().cloned().unwrap_or_default();
        let grant = |asked: &Value| {
            let (kind, name) = asked.as_str()?.split_once(' ')?;
            Some(Grant { kind: kind.into(), name: name.into(), reason: format!("to use {name}") })
        };
        Description {
            name: "asks-grants".into(),
            version: "0.1.0".into(),
            summary: "Asks for what its settings say.".into(),
            reload_ttl: None,
            cache_ttl: None,
            settings: vec![setting],
            grants: asked.iter().filter_map(grant).collect(),
        }
    }
}

export!(Component);
