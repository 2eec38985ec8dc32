//! The tables `[connections.NAME]`: databases that plugins may read by these names.

use std::num::NonZeroUsize;
use std::path::Path;

use kiwi_host::{Connection, DatabaseTls, DatabaseUrl, SecretSource, parse_duration};
use kiwi_store::{Error, Result};

use super::section::Section;

/// The most connections to one database, for all loads of a host together.
const MAX_CONNECTIONS: u64 = 64;

/// Reads all of them.
pub(super) fn read(section: Section<'_>, base: &Path) -> Vec<Connection> {
    section.named().into_iter().filter_map(|(name, section)| read_one(name, section, base)).collect()
}

fn read_one(name: &str, mut section: Section<'_>, base: &Path) -> Option<Connection> {
    let url = read_url(&mut section, base);
    let password = match (section.text("password_env", env), section.text("password_file", |path| file(path, base))) {
        (Some(_), Some(_)) => {
            section.problem_at("password_file", "expected `password_env` or `password_file`, found both".to_owned());
            None
        }
        (env, file) => env.or(file),
    };
    let tls = read_tls(&mut section, base);
    let max_connections = section.number("max_connections", MAX_CONNECTIONS);
    let timeout = section.text("timeout", parse_duration);
    let connection = url.and_then(|url| match Connection::new(name, url) {
        Ok(connection) => Some(connection),
        Err(error) => {
            section.problem_here(error.to_string());
            None
        }
    });
    section.finish();
    let connection = connection?;
    let max_connections = max_connections.and_then(|number| NonZeroUsize::new(usize::try_from(number).ok()?));
    let max_connections = max_connections.unwrap_or(connection.max_connections);
    Some(Connection { password, tls, max_connections, timeout, ..connection })
}

fn read_url(section: &mut Section<'_>, base: &Path) -> Option<DatabaseUrl> {
    const EXPECTED: &str = "`postgres://USER@HOST/DATABASE`, `mysql://USER@HOST/DATABASE` or `sqlite:FILE`";
    let url = section.text("url", |url| check_scheme(url).map(|()| DatabaseUrl::Plain(below(url, base))));
    let from_env = section.text("url_env", env).map(DatabaseUrl::Secret);
    let from_file = section.text("url_file", |path| file(path, base)).map(DatabaseUrl::Secret);
    let given = ["url", "url_env", "url_file"].into_iter().filter(|key| section.has(key)).collect::<Vec<_>>();
    match given[..] {
        [] => section.problem_here(format!("`url` is missing (expected {EXPECTED}, or `url_env` or `url_file`)")),
        [_] => {}
        [first, second, ..] => section.problem_at(second, format!("expected one URL, found `{first}` and `{second}`")),
    }
    url.or(from_env).or(from_file)
}

/// The value may hold a password: it is not shown.
fn check_scheme(url: &str) -> Result<()> {
    let schemes = ["postgres://", "postgresql://", "mysql://", "mariadb://", "sqlite:"];
    match schemes.iter().any(|scheme| url.starts_with(scheme)) {
        true => Ok(()),
        false => Err(Error::invalid(
            "not a valid URL of a database (expected `postgres://USER@HOST/DATABASE`, `mysql://USER@HOST/DATABASE` or \
             `sqlite:FILE`)",
        )),
    }
}

/// A file of SQLite is relative to kiwi.toml.
fn below(url: &str, base: &Path) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.starts_with('/') => format!("sqlite:{}", base.join(path).display()),
        _ => url.to_owned(),
    }
}

fn read_tls(section: &mut Section<'_>, base: &Path) -> DatabaseTls {
    let tls = section.text("tls", |tls| match tls {
        "verify-full" => Ok(DatabaseTls::VerifyFull { ca: None, client: None }),
        "off" => Ok(DatabaseTls::Off),
        _ => Err(Error::invalid(format!(
            "`{}` is not valid (expected `verify-full`, the default except on the same machine, or `off`)",
            tls.escape_debug()
        ))),
    });
    let mut path = |key| section.text(key, |path| Ok(base.join(path)));
    let (ca, cert, key) = (path("ca"), path("cert"), path("key"));
    match (&cert, &key) {
        (Some(_), None) => section.problem_at("cert", "`cert` needs `key`, its private key".to_owned()),
        (None, Some(_)) => section.problem_at("key", "`key` needs `cert`, its certificate".to_owned()),
        _ => {}
    }
    let client = cert.zip(key);
    match tls {
        Some(DatabaseTls::Off) if ca.is_some() || client.is_some() => {
            section.problem_at("tls", "with `tls = \"off\"`, `ca`, `cert` and `key` have no effect".to_owned());
            DatabaseTls::Off
        }
        None if ca.is_none() && client.is_none() => DatabaseTls::Default,
        Some(DatabaseTls::Off) => DatabaseTls::Off,
        _ => DatabaseTls::VerifyFull { ca, client },
    }
}

fn env(name: &str) -> Result<SecretSource> {
    Ok(SecretSource::Env(name.to_owned()))
}

fn file(path: &str, base: &Path) -> Result<SecretSource> {
    Ok(SecretSource::File(base.join(path)))
}
