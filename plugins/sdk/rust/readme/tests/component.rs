//! The loader of the README becomes a component.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a component begins with; a core module has another version and layer.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn the_readme_builds_as_a_component() {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target directory");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the build failed: if the target is missing, run `rustup target add wasm32-wasip2`");
    let component = fs::read(target_dir.join("wasm32-wasip2/release/airlines.wasm")).unwrap();
    assert!(component.starts_with(COMPONENT), "{:?}", &component[..8]);
    for part in ["kiwi:loader/http@0.1.1", "load-from-source", "describe", "Airlines by their IATA code."] {
        let found = component.windows(part.len()).any(|bytes| bytes == part.as_bytes());
        assert!(found, "the component has no `{part}`");
    }
}
