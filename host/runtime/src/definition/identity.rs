//! What names a definition: a keyed digest of all that decides what it loads.
//!
//! Hosts with the same plugin, settings, grants and key get the same digest, wherever their files lie: they share
//! marks and count failures together. It stands in the store, so it is keyed: whoever reads the store without the key
//! cannot try out weak secrets on it.

use std::fmt;

use kiwi_store::DefinitionId;

use crate::config::auth::{Auth, AuthKind, OAuth2};
use crate::config::connection::Connection;
use crate::config::grants::Grants;
use crate::config::http_grant::HttpGrant;
use crate::config::settings::Settings;

/// The key of the digests. All hosts of a store need the same one.
#[derive(Clone)]
pub(crate) struct DigestKey([u8; 32]);

impl DigestKey {
    /// Derives the key from a secret of any length.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(blake3::derive_key("kiwi-host 2026-11 names of definitions", secret))
    }

    /// Names what a component loads, with what names the databases that it is granted.
    pub(crate) fn of_plugin(
        &self,
        build: u128,
        settings: &Settings,
        grants: &Grants,
        databases: Vec<String>,
    ) -> DefinitionId {
        let mut digest = self.begin("plugin");
        digest.add(&build.to_be_bytes());
        digest.add(settings.to_json().as_bytes());
        let Grants { http, dirs, files, env, connections: _, secrets, auth } = grants;
        digest.add_all("http", http.iter().map(ToString::to_string));
        // As they are written: where they lie is each machine's own business.
        digest.add_all("dirs", dirs.iter().map(|dir| dir.guest_path.clone()));
        digest.add_all("files", files.iter().map(|file| file.guest_path.clone()));
        // What a variable holds decides what is loaded, as a setting does.
        let variable = |name: &String| format!("{name}={}", std::env::var(name).unwrap_or_default());
        digest.add_all("env", env.iter().map(variable));
        digest.add_all("connections", databases.into_iter());
        // Not what it holds: a secret that is replaced gives access to the same.
        digest.add_all("secrets", secrets.iter().map(|secret| format!("{} {}", secret.name, sorted(&secret.origins))));
        // The first one that names a host counts.
        digest.add_all("auth", auth.iter().zip(1..).map(|(auth, place)| format!("{place} {}", described(auth))));
        digest.finish()
    }

    /// Names what a loader in Rust loads.
    pub(crate) fn of_native(&self, type_and_version: &str) -> DefinitionId {
        let mut digest = self.begin("native");
        digest.add(type_and_version.as_bytes());
        digest.finish()
    }

    fn begin(&self, kind: &str) -> Digest {
        let mut digest = Digest(blake3::Hasher::new_keyed(&self.0));
        digest.add(kind.as_bytes());
        digest
    }
}

/// What names each database and its user: a mark of another one is none.
#[cfg(feature = "components")]
pub(crate) async fn databases(connections: &[Connection]) -> Vec<String> {
    let named = async |connection: &Connection| {
        format!("{}={}", connection.name, crate::outside::sql::identity(connection).await)
    };
    futures_util::future::join_all(connections.iter().map(named)).await
}

/// Without components, nothing can read a database.
#[cfg(not(feature = "components"))]
pub(crate) async fn databases(_: &[Connection]) -> Vec<String> {
    Vec::new()
}

/// As whom the host authenticates, and where.
fn described(auth: &Auth) -> String {
    let who = match &auth.kind {
        AuthKind::Bearer { .. } => String::new(),
        AuthKind::Basic { user, .. } => format!("{user:?}"),
        AuthKind::OAuth2(oauth2) => {
            let OAuth2 { client_id, client_secret: _, client_auth: _, scope, audience, .. } = oauth2;
            format!("{:?} {client_id:?} {scope:?} {audience:?}", oauth2.token_url())
        }
    };
    format!("{:?} {} {} {who}", auth.name, auth.kind.as_str(), sorted(&auth.hosts))
}

fn sorted(grants: &[HttpGrant]) -> String {
    let mut written: Vec<String> = grants.iter().map(ToString::to_string).collect();
    written.sort_unstable();
    written.dedup();
    written.join(" ")
}

/// The key is a secret.
impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey")
    }
}

/// Each part goes in with its length, so that no two lists of parts look alike.
struct Digest(blake3::Hasher);

impl Digest {
    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// Adds a list whose order does not matter.
    fn add_all(&mut self, name: &str, parts: impl Iterator<Item = String>) {
        let mut parts: Vec<String> = parts.collect();
        parts.sort_unstable();
        parts.dedup();
        self.add(name.as_bytes());
        self.add(&(parts.len() as u64).to_be_bytes());
        for part in parts {
            self.add(part.as_bytes());
        }
    }

    fn finish(self) -> DefinitionId {
        let mut first = [0; 16];
        self.0.finalize_xof().fill(&mut first);
        DefinitionId::of(u128::from_be_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::file_grants::DirGrant;
    use crate::config::secret_grant::SecretGrant;
    use crate::config::secret_source::SecretSource;

    /// A secret that is replaced gives access to the same: the mark stays.
    #[test]
    fn credentials_count_by_what_they_give_access_to() {
        let key = DigestKey::new(b"key");
        let id = |secrets: Vec<SecretGrant>, auth: Vec<Auth>| {
            key.of_plugin(7, &Settings::default(), &Grants { secrets, auth, ..Grants::default() }, Vec::new())
        };
        let env = |name: &str| SecretSource::Env(name.into());
        let hosts = |hosts: &[&str]| hosts.iter().map(|host| host.parse().unwrap()).collect::<Vec<HttpGrant>>();
        let secret = |name: &str, source, origins: &[&str]| {
            vec![SecretGrant { name: name.into(), source, origins: hosts(origins) }]
        };
        let (a, b) = ("https://a.example", "https://b.example");
        let of_secret = id(secret("x", env("A"), &[a, b]), vec![]);
        assert_eq!(id(secret("x", SecretSource::File("/run/x".into()), &[b, a]), vec![]), of_secret);
        for other in [secret("y", env("A"), &[a, b]), secret("x", env("A"), &[a]), vec![]] {
            assert_ne!(id(other, vec![]), of_secret);
        }

        let auth = |name: &str, host: &str, kind| Auth { name: name.into(), hosts: hosts(&[host]), kind };
        let bearer = |variable: &str| AuthKind::Bearer { token: env(variable) };
        let basic = |user: &str| AuthKind::Basic { user: user.into(), password: env("A") };
        let oauth2 = |url: &str, client: &str, scope: Option<&str>, variable: &str| {
            let mut oauth2 = OAuth2::new(url, client, env(variable)).unwrap();
            oauth2.scope = scope.map(Into::into);
            AuthKind::OAuth2(oauth2)
        };
        let first = auth("p", a, oauth2("https://l.example", "kiwi", None, "A"));
        let of_auth = id(vec![], vec![first.clone()]);
        assert_eq!(id(vec![], vec![auth("p", a, oauth2("https://l.example", "kiwi", None, "B"))]), of_auth);
        assert_eq!(id(vec![], vec![auth("p", a, bearer("A"))]), id(vec![], vec![auth("p", a, bearer("B"))]));
        let others = [
            auth("q", a, oauth2("https://l.example", "kiwi", None, "A")),
            auth("p", b, oauth2("https://l.example", "kiwi", None, "A")),
            auth("p", a, oauth2("https://m.example", "kiwi", None, "A")),
            auth("p", a, oauth2("https://l.example", "mango", None, "A")),
            auth("p", a, oauth2("https://l.example", "kiwi", Some("all"), "A")),
            auth("p", a, basic("kiwi")),
            auth("p", a, basic("mango")),
            auth("p", a, bearer("A")),
        ];
        let ids: Vec<_> = others.iter().map(|other| id(vec![], vec![other.clone()])).collect();
        assert!(ids.iter().all(|other| *other != of_auth));
        assert!(ids.iter().enumerate().all(|(place, id)| !ids[..place].contains(id)));
        // The first one that names a host counts.
        let last = others[0].clone();
        assert_ne!(id(vec![], vec![first.clone(), last.clone()]), id(vec![], vec![last, first]));
    }

    #[test]
    fn hosts_with_their_files_in_different_places_share_a_definition() {
        let key = DigestKey::new(b"key");
        let settings = Settings::new(json!({ "path": "data/a.csv", "key": "iata" })).unwrap();
        let grants = |base: &str, dirs: &[&str]| Grants {
            dirs: dirs.iter().map(|dir| DirGrant::new(dir, Path::new(base))).collect(),
            ..Grants::default()
        };
        let id = key.of_plugin(7, &settings, &grants("/srv/a", &["data", "more"]), Vec::new());
        assert_eq!(key.of_plugin(7, &settings, &grants("/home/b", &["more", "data"]), Vec::new()), id);
        let other_settings = Settings::new(json!({ "path": "data/a.csv" })).unwrap();
        for other in [
            key.of_plugin(8, &settings, &grants("/srv/a", &["data", "more"]), Vec::new()),
            key.of_plugin(7, &other_settings, &grants("/srv/a", &["data", "more"]), Vec::new()),
            key.of_plugin(7, &settings, &grants("/srv/a", &["data"]), Vec::new()),
            DigestKey::new(b"another").of_plugin(7, &settings, &grants("/srv/a", &["data", "more"]), Vec::new()),
        ] {
            assert_ne!(other, id);
        }
    }
}
