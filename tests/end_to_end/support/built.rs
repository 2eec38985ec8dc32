//! The files under test, which `cargo xtask test` builds.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is in the repository")
}

/// The command.
pub(crate) fn kiwi_host() -> PathBuf {
    program("kiwi-host")
}

/// The service of `examples/embed`.
pub(super) fn embed() -> PathBuf {
    program("embed")
}

/// A program in the parent of this test's directory, `target/debug/deps`.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let profile = this.parent().and_then(Path::parent).expect("tests are in target/PROFILE/deps");
    built(profile.join(name))
}

/// One of the components in `tests/guests`.
pub(crate) fn guest(name: &str) -> PathBuf {
    built(repository().join("tests/guests/target/wasm32-wasip2/release").join(name).with_extension("wasm"))
}

/// One of the plugins we ship.
pub(crate) fn plugin(name: &str) -> PathBuf {
    built(repository().join("plugins").join(name).with_extension("wasm"))
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} does not exist: build it with `cargo xtask test`", path.display());
    path
}
