//! Where the components lie. One that is not there fails the test and says how to build it.

use std::path::{Path, PathBuf};

/// A component of `tests/guests`.
///
/// # Panics
/// It is not built.
pub(crate) fn guest(name: &str) -> PathBuf {
    built("tests/guests/target/wasm32-wasip2/release", name)
}

/// A loader of `plugins`.
///
/// # Panics
/// It is not built.
pub(crate) fn plugin(name: &str) -> PathBuf {
    built("plugins", name)
}

fn built(directory: &str, name: &str) -> PathBuf {
    let path = repository().join(directory).join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`, which builds it first", path.display());
    path
}

/// The root of this repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies at host/runtime")
}

/// A guest that no test runs proves nothing.
#[test]
fn every_guest_has_a_test() {
    let tests = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let guests = std::fs::read_dir(repository().join("tests/guests")).unwrap();
    let names = guests.map(Result::unwrap).filter(|entry| entry.path().join("Cargo.toml").is_file());
    let names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let untested: Vec<&String> = names.iter().filter(|name| !tests.contains(&format!("guest(\"{name}\")"))).collect();
    assert!(names.len() > 30, "these are not all guests: {names:?}");
    assert!(untested.is_empty(), "no test in host/runtime/tests runs these guests: {untested:?}");
}

/// All Rust sources below a directory, one after the other.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}
