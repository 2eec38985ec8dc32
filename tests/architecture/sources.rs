//! The sources of the host's crates.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The crates that are held against the rules.
const CRATES: &[&str] = &[
    "host/rows",
    "host/tls",
    "host/store",
    "host/cache",
    "host/python",
    "host/runtime",
    "host/cli",
    "host/bench",
    "host/xtask",
];

/// A crate's sources: the text of each file, by its path from the top of the repository.
pub(crate) struct Source {
    pub(crate) name: String,
    /// The file that the others hang from.
    pub(crate) root: String,
    pub(crate) files: BTreeMap<String, String>,
}

/// The sources of all crates.
///
/// # Panics
/// One of them is not where it is expected.
pub(crate) fn all_crates() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie below the top");
    CRATES.iter().map(|name| of_crate(top, name)).collect()
}

fn of_crate(top: &Path, name: &str) -> Source {
    let mut files = BTreeMap::new();
    read_folder(top, &format!("{name}/src"), &mut files);
    assert!(files.len() > 2, "these are not all sources of {name}: {:?}", files.keys());
    let roots = [format!("{name}/src/lib.rs"), format!("{name}/src/main.rs")];
    let root = roots.into_iter().find(|root| files.contains_key(root)).expect("a crate has a lib.rs or a main.rs");
    Source { name: name.to_owned(), root, files }
}

fn read_folder(top: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    let entries = fs::read_dir(top.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("{folder}: {error}"));
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_folder(top, &path, files);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).unwrap_or_else(|error| panic!("{path}: {error}"));
            files.insert(path, text);
        }
    }
}

/// A crate that is made up, its paths given from `src/` on.
pub(crate) fn in_memory(files: &[(&str, &str)]) -> Source {
    let files = files.iter().map(|(path, text)| (format!("made/up/src/{path}"), (*text).to_owned())).collect();
    Source { name: "made/up".to_owned(), root: "made/up/src/lib.rs".to_owned(), files }
}
