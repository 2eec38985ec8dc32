//! Asks a plugin what it takes and needs: with no grants, and not for long.

use std::sync::Arc;
use std::time::Duration;

use kiwi_store::Name;
use wasmtime::component::Val;

use super::files::Files;
use super::plugin::Plugin;
use super::state::{Capabilities, State};
use super::{suggested_timing, trap};
use crate::config::grants::Grants;
use crate::config::limits::Limits;
use crate::config::settings::Settings;
use crate::config::text::{parse_duration, parse_ttl};
use crate::loader::description::{AskedGrant, Description, Setting};
use crate::outside::http::HttpClient;
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::sql::Databases;
use crate::printable;

const TIMEOUT: Duration = Duration::from_secs(5);
/// The most that it may return.
const DESCRIPTION_BYTES: u64 = 1 << 20;
/// One of its texts, as it is shown.
const TEXT_BYTES: usize = 1 << 10;

impl Plugin {
    /// Runs `describe`, where there is one, with the settings of a cache.
    ///
    /// # Errors
    /// It trapped, took too long, or did not return a description.
    pub(crate) async fn describe(&self, cache: &Name, settings: &Settings) -> Result<Option<Description>, String> {
        if !self.is_described() {
            return Ok(None);
        }
        let error = |message: String| format!("its `describe` {message}");
        let (grants, limits) = (
            Grants::default(),
            Limits { load_timeout: TIMEOUT, hostcall_bytes: DESCRIPTION_BYTES, ..Limits::default() },
        );
        let capabilities = Capabilities {
            cache,
            settings: settings.to_json(),
            grants: &grants,
            files: Files::default(),
            limits: &limits,
            max_resources: self.resources.of_a_guest,
            client: Arc::new(HttpClient::without_grants()),
            databases: Databases::default(),
            intake: None,
            published_mark: None,
            secrets: LoadSecrets::default(),
        };
        let mut store = State::store(self.loader.engine(), capabilities);
        let called = tokio::time::timeout(TIMEOUT, self.loader.describe(&mut store));
        match called.await {
            Err(_) => Err(error(format!(
                "took longer than {TIMEOUT:?}: expected a description at once, without loading anything; fix the plugin"
            ))),
            Ok(Err(trapped)) => {
                let failure = trap::failure(&trapped, &store);
                let detail = failure.detail.map_or(String::new(), |detail| format!("\n{detail}"));
                Err(error(format!(
                    "failed, so it is not known what it needs: expected a description; fix the plugin ({}){detail}",
                    failure.message
                )))
            }
            Ok(Ok(described)) => description(described).map(Some).map_err(error),
        }
    }
}

/// Lifts a description field by field, by name: newer ones may have fields we do not know.
fn description(described: Val) -> Result<Description, String> {
    let described = Fields::of(described)?;
    let duration = |name: &str| match described.optional_text(name)? {
        Some(text) => parse_duration(&text).map(Some).map_err(|error| format!("suggests an invalid `{name}`: {error}")),
        None => Ok(None),
    };
    let cache_ttl = match described.optional_text("cache-ttl")? {
        Some(text) => Some(parse_ttl(&text).map_err(|error| format!("suggests an invalid `cache-ttl`: {error}"))?),
        None => None,
    };
    let (timing, overruled) = suggested_timing::within_bounds(duration("reload-ttl")?, cache_ttl);
    Ok(Description {
        name: described.text("name")?,
        version: described.text("version")?,
        summary: described.text("summary")?,
        timing,
        overruled,
        settings: described.list("settings")?.into_iter().map(setting).collect::<Result<_, _>>()?,
        grants: described.list("grants")?.into_iter().map(grant).collect::<Result<_, _>>()?,
    })
}

fn setting(described: Val) -> Result<Setting, String> {
    let described = Fields::of(described)?;
    Ok(Setting {
        name: described.text("name")?,
        kind: described.text("kind")?,
        required: matches!(described.get("required"), Some(Val::Bool(true))),
        default_value: described.optional_text("default-value")?,
        help: described.text("help")?,
    })
}

fn grant(described: Val) -> Result<AskedGrant, String> {
    let described = Fields::of(described)?;
    Ok(AskedGrant { kind: described.text("kind")?, name: described.text("name")?, reason: described.text("reason")? })
}

/// The fields of a record.
struct Fields(Vec<(String, Val)>);

impl Fields {
    fn of(value: Val) -> Result<Self, String> {
        match value {
            Val::Record(fields) => Ok(Self(fields)),
            _ => Err("does not return a record: expected a description as in wit/loader.wit".into()),
        }
    }

    fn get(&self, name: &str) -> Option<&Val> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        match self.get(name) {
            Some(Val::String(text) | Val::Enum(text)) => Ok(printable::line(text, TEXT_BYTES)),
            _ => Err(format!("returns no text as `{name}`: expected a description as in wit/loader.wit")),
        }
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None | Some(Val::Option(None)) => Ok(None),
            Some(Val::Option(Some(value))) => match &**value {
                Val::String(text) => Ok(Some(printable::line(text, TEXT_BYTES))),
                _ => Err(format!("returns no text as `{name}`: expected a description as in wit/loader.wit")),
            },
            Some(_) => Err(format!("returns no option as `{name}`: expected a description as in wit/loader.wit")),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<Val>, String> {
        match self.get(name) {
            Some(Val::List(values)) => Ok(values.clone()),
            _ => Err(format!("returns no list as `{name}`: expected a description as in wit/loader.wit")),
        }
    }
}
