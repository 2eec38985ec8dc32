//! What a plugin asks for, held against what its cache is given.

use super::config::CacheConfig;
use super::plugin_error::{Needs, PluginError};
use crate::config::grants::Grants;
use crate::loader::description::{AskedGrant, Description, Setting};
use crate::sandbox::plugin::Plugin;

/// Checks a cache's settings and grants against what its plugin asks for. Returns the plugin's
/// description, if it has one.
///
/// # Errors
/// The plugin does not take some of the settings, lacks others or grants, or cannot describe itself.
pub(crate) async fn check_needs(config: &CacheConfig, plugin: &Plugin) -> Result<Option<Description>, PluginError> {
    let described = plugin.describe(&config.name, &config.settings).await;
    let Some(description) = described.map_err(|message| PluginError::of_plugin(plugin.path(), message))? else {
        return Ok(None);
    };
    let problems = description.check_settings(&config.settings);
    let mut needs = missing(&description, config);
    // A setting under a wrong name is not missing as well.
    needs.settings.retain(|setting| !problems.iter().any(|problem| problem.meant == Some(setting)));
    if problems.is_empty() && needs.is_empty() {
        return Ok(Some(description));
    }
    let problems = problems.into_iter().map(|problem| problem.message).collect();
    Err(PluginError::unfit(plugin.path(), problems, needs))
}

/// What the plugin needs and the cache does not give it.
fn missing(description: &Description, cache: &CacheConfig) -> Needs {
    let missing = |setting: &&Setting| setting.required && !cache.settings.contains(&setting.name);
    Needs {
        settings: description.settings.iter().filter(missing).cloned().collect(),
        grants: description.grants.iter().filter(|asked| !is_granted(asked, &cache.grants)).cloned().collect(),
    }
}

/// A kind of grant that this host does not know cannot be given: it counts as missing.
fn is_granted(asked: &AskedGrant, grants: &Grants) -> bool {
    match asked.kind.as_str() {
        "env" => grants.env.contains(&asked.name),
        "connections" => grants.connections.iter().any(|connection| connection.name == asked.name),
        "dirs" => grants.covers_dir(&asked.name),
        "files" => grants.covers_file(&asked.name),
        "secrets" => grants.secrets.iter().any(|secret| secret.name == asked.name),
        "auth" => grants.auth.iter().any(|auth| auth.name == asked.name),
        "http" => match url::Url::parse(&asked.name) {
            Ok(url) => {
                let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
                let port = url.port_or_known_default().unwrap_or_default();
                grants.http.iter().any(|grant| grant.allows_host(scheme, host, port))
            }
            // A wildcard does not parse as a URL: it must be granted as it is written.
            Err(_) => grants.http.iter().any(|grant| grant.to_string() == asked.name),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::auth::{Auth, AuthKind};
    use crate::config::file_grants::{DirGrant, FileGrant};
    use crate::config::secret_grant::SecretGrant;
    use crate::config::secret_source::SecretSource;
    use crate::config::settings::Settings;

    #[test]
    fn what_is_not_given_is_missing() {
        let setting = |name: &str, required| Setting {
            name: name.into(),
            kind: "text".into(),
            required,
            default_value: None,
            help: "help".into(),
        };
        let grant = |kind: &str, name: &str| AskedGrant { kind: kind.into(), name: name.into(), reason: "why".into() };
        let described = Description {
            settings: vec![setting("path", true), setting("rows", false)],
            grants: vec![
                grant("dirs", "data/eu"),
                grant("http", "https://api.example.com"),
                grant("env", "LANG"),
                grant("files", "data/eu/a.csv"),
                grant("files", "./rates.json"),
                grant("files", "other/a.csv"),
                grant("sql", "main"),
                grant("secrets", "token"),
                grant("auth", "partner"),
            ],
            ..Description::default()
        };
        let mut cache = CacheConfig::new("c".parse().unwrap(), "p.wasm");
        let needs = missing(&described, &cache);
        assert_eq!((needs.settings.len(), needs.grants.len()), (1, 9));
        cache.settings = Settings::new(json!({ "path": "data/eu/a.csv" })).unwrap();
        cache.grants.dirs.push(DirGrant::new("./data/", Path::new("/")));
        cache.grants.files.push(FileGrant::new("rates.json", Path::new("/")).unwrap());
        cache.grants.http.push("https://*.example.com".parse().unwrap());
        cache.grants.env.push("LANG".into());
        let (source, hosts) = (SecretSource::Env("TOKEN".into()), vec!["https://api.example.com".parse().unwrap()]);
        let kind = AuthKind::Bearer { token: source.clone() };
        cache.grants.auth.push(Auth { name: "partner".into(), hosts: hosts.clone(), kind });
        cache.grants.secrets.push(SecretGrant { name: "token".into(), source, origins: hosts });
        let needs = missing(&described, &cache);
        let left: Vec<&str> = needs.grants.iter().map(|grant| grant.name.as_str()).collect();
        assert_eq!((needs.settings.len(), left), (0, vec!["other/a.csv", "main"]));
    }
}
