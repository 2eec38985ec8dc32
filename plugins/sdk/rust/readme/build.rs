//! Takes the Rust code out of the README.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=../README.md");
    let readme = fs::read_to_string("../README.md").expect("the SDK has a README");
    let code: Vec<&str> = readme.split("```rust\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    assert_eq!(code.len(), 1, "the README has one block of Rust: its loader");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("readme.rs"), code[0]).expect("OUT_DIR can be written");
}
