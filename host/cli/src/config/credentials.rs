//! The tables `[secrets]` and `[auth.NAME]`, and which of them a cache is granted.

use std::collections::BTreeMap;
use std::path::Path;

use kiwi_host::{Auth, AuthKind, ClientAuth, HttpGrant, OAuth2, SecretGrant, SecretSource, is_secret_name};
use kiwi_rows::near::nearest;
use kiwi_store::{Error, Result};

use super::secret::secret;
use super::section::Section;
use super::value::quoted;

/// What caches may be granted. `None` stands for what is defined and not valid, which is reported where it is defined.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    secrets: BTreeMap<String, Option<SecretSource>>,
    auth: BTreeMap<String, Option<Auth>>,
}

impl Credentials {
    /// Reads `[secrets]` and `[auth]` of the top level.
    pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Self {
        let secrets = top
            .section("secrets")
            .map(|section| section.each(|name, item| check_name(name).and_then(|()| secret(item, base))));
        let auth = top.section("auth").map(|section| {
            let named = section.named().into_iter();
            named.map(|(name, section)| (name.to_owned(), read_auth(name, section, base))).collect()
        });
        Self { secrets: secrets.unwrap_or_default().into_iter().collect(), auth: auth.unwrap_or_default() }
    }

    /// Reads `grants.secrets`: which secrets, and where they may be sent.
    pub(super) fn grants(&self, section: Section<'_>) -> Vec<SecretGrant> {
        let mut grants = Vec::new();
        for (name, origins) in section.each_texts(str::parse::<HttpGrant>) {
            let Some(source) = self.secrets.get(&name) else {
                let message = unknown("secret", &name, self.secrets.keys(), "`[secrets]`");
                section.problem_with_name(&name, &message);
                continue;
            };
            match (source, origins) {
                (_, Some(origins)) if origins.is_empty() => {
                    let message = "expected where it may be sent, such as `[\"https://api.example.com\"]`";
                    section.problem_with_name(&name, message);
                }
                (Some(source), Some(origins)) => grants.push(SecretGrant { name, source: source.clone(), origins }),
                _ => {}
            }
        }
        grants
    }

    /// The credentials of this name; `None` if they are not valid.
    ///
    /// # Errors
    /// There are none (`is_invalid`).
    pub(super) fn auth(&self, name: &str) -> Result<Option<Auth>> {
        let unknown = || Error::invalid(unknown("auth", name, self.auth.keys(), "`[auth.NAME]`"));
        self.auth.get(name).cloned().ok_or_else(unknown)
    }

    /// All secrets that are defined.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &SecretSource)> {
        self.secrets.iter().filter_map(|(name, source)| Some((name.as_str(), source.as_ref()?)))
    }

    /// All of `[auth]`.
    pub(crate) fn all_auth(&self) -> impl Iterator<Item = &Auth> {
        self.auth.values().flatten()
    }

    /// Whether there is a secret of this name.
    pub(crate) fn has_secret(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }

    /// Whether there is an `[auth]` of this name.
    pub(crate) fn has_auth(&self, name: &str) -> bool {
        self.auth.contains_key(name)
    }
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n String> + Clone, table: &str) -> String {
    let name = name.escape_debug();
    let hint = match nearest(&name.to_string(), known.clone().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => match known.map(String::as_str).collect::<Vec<_>>() {
            none if none.is_empty() => format!("define it in {table}"),
            known => format!("expected one of `{}`, or define it in {table}", known.join("`, `")),
        },
    };
    format!("there is no {what} `{name}`: {hint}")
}

fn check_name(name: &str) -> std::result::Result<(), String> {
    let is_valid = is_secret_name(name);
    is_valid.then_some(()).ok_or_else(|| "not a valid name: expected 1 to 64 letters, digits, `_` or `-`".to_owned())
}

/// The kinds of `[auth]`.
const KINDS: [&str; 3] = ["bearer", "basic", "oauth2"];

fn read_auth(name: &str, mut section: Section<'_>, base: &Path) -> Option<Auth> {
    if let Err(message) = check_name(name) {
        section.problem_here(format!("auth.{}: {message}", quoted(name)));
    }
    let kind = section.text("kind", |kind| {
        KINDS.contains(&kind).then(|| kind.to_owned()).ok_or_else(|| {
            Error::invalid(format!("`{}` is not valid (expected `{}`)", kind.escape_debug(), KINDS.join("`, `")))
        })
    });
    let kind = section.required("kind", kind, "`bearer`, `basic` or `oauth2`");
    let hosts: Option<Vec<HttpGrant>> = section.texts("hosts", str::parse);
    let hosts = section.required("hosts", hosts, "a list such as `[\"https://api.example.com\"]`");
    if hosts.as_ref().is_some_and(|hosts| hosts.is_empty()) {
        section.problem_at(
            "hosts",
            "`hosts` is empty: expected where it may be sent, such as `[\"https://api.example.com\"]`".to_owned(),
        );
    }
    let is = |expected: &str| kind.as_deref().is_none_or(|kind| kind == expected);
    let is_required = kind.is_some();
    let needed = |key: &'static str, section: &mut Section<'_>| {
        let read = section.value(key, |item| secret(item, base));
        if is_required { section.required(key, read, "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`") } else { read }
    };
    let (mut bearer, mut basic, mut oauth2) = (None, None, None);
    if is("bearer") {
        bearer = needed("token", &mut section).map(|token| AuthKind::Bearer { token });
    }
    if is("basic") {
        let user = section.text("user", read_user);
        let user = if is_required { section.required("user", user, "a string") } else { user };
        basic = user.zip(needed("password", &mut section)).map(|(user, password)| AuthKind::Basic { user, password });
    }
    if is("oauth2") {
        let secret = needed("client_secret", &mut section);
        oauth2 = read_oauth2(&mut section, secret, is_required);
    }
    section.finish();
    let kind = match kind?.as_str() {
        "bearer" => bearer?,
        "basic" => basic?,
        _ => AuthKind::OAuth2(oauth2?),
    };
    Some(Auth { name: name.to_owned(), hosts: hosts?, kind })
}

fn read_user(user: &str) -> Result<String> {
    if user.contains(':') || user.chars().any(char::is_control) {
        return Err(Error::invalid("not a valid user: expected a name without a colon and without control characters"));
    }
    Ok(user.to_owned())
}

fn read_oauth2(section: &mut Section<'_>, secret: Option<SecretSource>, is_required: bool) -> Option<OAuth2> {
    let plain = |text: &str| Ok(text.to_owned());
    // Its client and secret follow.
    let url =
        section.text("token_url", |url| OAuth2::new(url, "", SecretSource::Env(String::new())).map(|_| url.to_owned()));
    let client_id = section.text("client_id", plain);
    let (scope, audience) = (section.text("scope", plain), section.text("audience", plain));
    let client_auth = section.text("client_auth", |kind| match kind {
        "basic" => Ok(ClientAuth::Basic),
        "body" => Ok(ClientAuth::Body),
        _ => {
            let kind = kind.escape_debug();
            Err(Error::invalid(format!("`{kind}` is not valid (expected `basic`, the default, or `body`)")))
        }
    });
    let (url, client_id) = match is_required {
        false => (url, client_id),
        true => (
            section.required("token_url", url, "the URL of the server that gives tokens"),
            section.required("client_id", client_id, "a string"),
        ),
    };
    let mut oauth2 = OAuth2::new(&url?, client_id?, secret?).ok()?;
    (oauth2.scope, oauth2.audience, oauth2.client_auth) = (scope, audience, client_auth.unwrap_or_default());
    Some(oauth2)
}
