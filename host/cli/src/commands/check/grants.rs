//! Grants that cannot work, and grants that allow more than anybody wants.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use kiwi_host::{CacheConfig, DirGrant, FileGrant, HttpGrant};

use super::report::Finding;

/// What is wrong with the grants of a cache. `base` is the directory of kiwi.toml.
pub(super) fn check(cache: &CacheConfig, base: &Path) -> Vec<Finding> {
    let subject = format!("cache `{}`", cache.name);
    let grants = &cache.grants;
    let mut findings = Vec::new();
    for dir in &grants.dirs {
        findings.extend(missing(dir).map(|message| Finding::error(&subject, message)));
        findings.extend(broad_dir(&dir.path, base).map(|why| {
            let message = format!("grants.dirs: `{}` {why}: grant a directory that has only the data", dir.guest_path);
            Finding::warning(&subject, message)
        }));
    }
    // A file may come later: its load says so until then.
    findings.extend(grants.files.iter().filter_map(missing_file).map(|message| Finding::warning(&subject, message)));
    for http in &grants.http {
        findings.extend(broad_http(http).map(|why| {
            Finding::warning(&subject, format!("grants.http: `{http}` {why}: grant only what the plugin needs"))
        }));
    }
    for name in &grants.env {
        findings.extend(unset(name).map(|message| Finding::warning(&subject, message)));
    }
    findings
}

/// Why a directory cannot be read.
fn missing(dir: &DirGrant) -> Option<String> {
    let at = format!("grants.dirs: `{}`", dir.guest_path);
    let path = std::path::absolute(&dir.path).unwrap_or_else(|_| dir.path.clone());
    let path = path.display();
    match fs::metadata(&dir.path) {
        Ok(metadata) if !metadata.is_dir() => {
            Some(format!("{at} is not a directory ({path}): grant the directory that the file is in"))
        }
        Ok(_) => {
            let error = fs::read_dir(&dir.path).err()?;
            Some(format!(
                "{at} cannot be read ({path}): {error}; change its permissions, or run kiwi-host as another user"
            ))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(format!("{at} does not exist ({path}): create it, or correct the grant"))
        }
        Err(error) => Some(format!("{at} cannot be read ({path}): {error}")),
    }
}

/// Why a file cannot be read.
fn missing_file(file: &FileGrant) -> Option<String> {
    let at = format!("grants.files: `{}`", file.guest_path);
    let path = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
    let path = path.display();
    match fs::metadata(&file.path) {
        Ok(metadata) if metadata.is_file() => {
            let error = fs::File::open(&file.path).err()?;
            Some(format!(
                "{at} cannot be read ({path}): {error}; change its permissions, or run kiwi-host as another user"
            ))
        }
        Ok(_) => Some(format!("{at} is not a regular file ({path}): for a directory use `dirs`")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(format!("{at} does not exist ({path}): create it, or correct the grant"))
        }
        Err(error) => Some(format!("{at} cannot be read ({path}): {error}")),
    }
}

/// Why a directory is more than a plugin should read.
pub(super) fn broad_dir(path: &Path, base: &Path) -> Option<&'static str> {
    let canonical = |path: &Path| fs::canonicalize(if path == Path::new("") { Path::new(".") } else { path }).ok();
    let path = canonical(path)?;
    if path == Path::new("/") {
        return Some("is the whole file system");
    }
    if env::var_os("HOME").is_some_and(|home| canonical(Path::new(&home)).is_some_and(|home| home.starts_with(&path))) {
        return Some("contains the home directory, with its keys and passwords");
    }
    let base = canonical(base)?;
    if base.starts_with(&path) && base.join("kiwi.toml").exists() {
        return Some("contains kiwi.toml, with the passwords in it");
    }
    path.join(".env").exists().then_some("contains a `.env` file, with the passwords in it")
}

/// Why a grant allows more requests than a plugin should send.
pub(super) fn broad_http(grant: &HttpGrant) -> Option<&'static str> {
    let written = grant.to_string();
    let (scheme, rest) = written.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    let suffix = host.strip_prefix("*.");
    if host == "*" {
        Some("allows requests to every host")
    } else if suffix.is_some_and(|suffix| !suffix.contains('.')) {
        Some("allows requests to every host of a top-level domain")
    } else if host.ends_with("/0") {
        Some("allows requests to every address")
    } else if rest.ends_with(":*") {
        Some("allows requests to every port of the host")
    } else if scheme == "*" {
        Some("allows requests without encryption")
    } else {
        None
    }
}

/// Why a variable is not passed on.
fn unset(name: &str) -> Option<String> {
    let at = format!("grants.env: `{}`", name.escape_debug());
    if name.is_empty() || name.contains(['=', '\0']) {
        return Some(format!("{at} is not a valid name of an environment variable"));
    }
    match env::var(name) {
        Ok(_) => None,
        Err(env::VarError::NotPresent) => {
            Some(format!("{at} is not set in this environment: the plugin would not see it"))
        }
        Err(env::VarError::NotUnicode(_)) => Some(format!("{at} is not valid UTF-8: the plugin would not see it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_granted_file_must_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let message = |name: &str| missing_file(&FileGrant::new(name, dir.path()).unwrap());
        assert!(message("a.csv").unwrap().contains("`a.csv` does not exist"));
        fs::write(dir.path().join("a.csv"), "").unwrap();
        assert_eq!(message("a.csv"), None);
        fs::create_dir(dir.path().join("data")).unwrap();
        assert!(message("data").unwrap().contains("use `dirs`"));
    }

    #[test]
    fn grants_that_allow_too_much_are_found() {
        let broad = |grant: &str| broad_http(&grant.parse().unwrap());
        for grant in
            ["*://*:*", "https://*", "https://*.com", "http://0.0.0.0/0", "https://h.example:*", "*://h.example"]
        {
            assert!(broad(grant).is_some(), "{grant}");
        }
        for grant in ["https://api.example.com", "https://*.example.com", "http://[::1]:80", "http://10.0.0.0/8"] {
            assert_eq!(broad(grant), None, "{grant}");
        }
        let root = tempfile::tempdir().unwrap();
        let (base, data) = (root.path().join("conf"), root.path().join("conf/data"));
        fs::create_dir_all(&data).unwrap();
        fs::write(base.join("kiwi.toml"), "").unwrap();
        assert!(broad_dir(Path::new("/"), &base).unwrap().contains("whole file system"));
        assert!(broad_dir(&base, &base).unwrap().contains("kiwi.toml"));
        assert!(broad_dir(root.path(), &base).unwrap().contains("kiwi.toml"));
        assert_eq!(broad_dir(&data, &base), None);
        fs::write(data.join(".env"), "").unwrap();
        assert!(broad_dir(&data, &base).unwrap().contains(".env"));
    }
}
