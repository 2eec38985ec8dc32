//! The plugins that are shipped with this command: what their names stand for.

use std::path::{Path, PathBuf};
use std::{fs, io};

use kiwi_rows::near::nearest;

/// Below the directory that `bin/kiwi-host` is in: `/usr`, a virtual environment of Python, or an unpacked archive.
const BELOW_PREFIX: &str = "share/kiwi-host/plugins";
/// Where the system does not say where this program is.
const DEFAULT_PREFIX: &str = "/usr";

/// The directory of the shipped plugins. It may not exist.
pub(crate) fn directory() -> PathBuf {
    if let Some(directory) = std::env::var_os("KIWI_PLUGINS").filter(|directory| !directory.is_empty()) {
        return directory.into();
    }
    let program = std::env::current_exe().ok();
    let prefix = program.as_deref().and_then(Path::parent).and_then(Path::parent);
    prefix.unwrap_or(Path::new(DEFAULT_PREFIX)).join(BELOW_PREFIX)
}

/// The plugins in there, sorted by their names.
pub(crate) fn list() -> io::Result<Vec<(String, PathBuf)>> {
    let mut plugins = Vec::new();
    for file in fs::read_dir(directory())? {
        let path = file?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|name| is_name(Path::new(name)));
        if let Some(name) = name.filter(|_| path.extension().is_some_and(|extension| extension == "wasm")) {
            plugins.push((name.to_owned(), path));
        }
    }
    plugins.sort();
    Ok(plugins)
}

/// Where a plugin is that is given by its name, such as `table`, or `None` if it is given by its path.
pub(crate) fn path_of(plugin: &Path) -> Option<PathBuf> {
    is_name(plugin).then(|| directory().join(plugin).with_extension("wasm"))
}

/// The name of the shipped plugin that this path leads to.
pub(crate) fn name_of(path: &Path) -> Option<&str> {
    let name = Path::new(path.file_stem()?);
    (path_of(name)? == path).then(|| name.to_str()).flatten()
}

/// Why there is no shipped plugin of this name, or `None` if there is one.
pub(crate) fn absent(name: &str) -> Option<String> {
    let directory = directory();
    let others = match list() {
        Ok(plugins) if plugins.iter().any(|(shipped, _)| shipped == name) => return None,
        Ok(plugins) => plugins.into_iter().map(|(shipped, _)| shipped).collect(),
        Err(_) => Vec::new(),
    };
    let hint = match (nearest(name, others.iter().map(String::as_str)), &others[..]) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "if they are elsewhere, set KIWI_PLUGINS to their directory".to_owned(),
        (None, others) => format!("expected one of `{}`", others.join("`, `")),
    };
    let directory = directory.display();
    Some(format!("no plugin `{name}` was shipped in {directory}: {hint} (for a file, write a path: `./{name}.wasm`)"))
}

/// A word without a dot or a slash is a name, and anything else a path.
fn is_name(plugin: &Path) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let bytes = plugin.as_os_str().as_encoded_bytes();
    !bytes.is_empty() && bytes.iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_name_and_anything_else_a_path() {
        for path in ["", "table.wasm", "./table", "plugins/table", "/table", "a b", ".."] {
            assert_eq!(path_of(Path::new(path)), None, "{path:?}");
        }
        let path = path_of(Path::new("table")).unwrap();
        assert_eq!(path, directory().join("table.wasm"));
        assert_eq!(name_of(&path), Some("table"));
        assert_eq!(name_of(Path::new("table.wasm")), None);
        assert_eq!(name_of(Path::new("/")), None);
    }
}
