//! The architecture, held against the sources: no circles between files, no arrow that points up between
//! folders, and each outside crate only in its room.
//!
//! Paths are resolved as the compiler does: `crate`, `self`, `super`, child modules, and re-exports, so
//! that an arrow leads to the file that defines a name. A `mod` line is no arrow. Tests do not count.

mod contract;
mod graph;
mod imports;
mod modules;
mod rules;
mod sources;

use std::collections::BTreeSet;

use graph::circles;
use imports::{Arrow, arrows, named_crates};
use modules::Crate;
use rules::{FOLDERS, ROOMS};
use sources::{all_crates, in_memory};

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found: Vec<_> = all_crates()
        .iter()
        .map(|source| (source.name.clone(), circles(&arrows(&Crate::parse(source)))))
        .filter(|(_, circles)| !circles.is_empty())
        .collect();
    assert!(found.is_empty(), "these files import each other in a circle:\n{found:#?}");
}

#[test]
fn arrows_between_folders_point_down() {
    for source in all_crates() {
        let Some((_, floors)) = FOLDERS.iter().find(|(name, _)| *name == source.name) else { continue };
        let all = arrows(&Crate::parse(&source));
        let upward: Vec<&Arrow> = all.iter().filter(|arrow| rules::points_up(floors, arrow)).collect();
        assert!(upward.is_empty(), "{}: these arrows point up:\n{upward:#?}", source.name);
        let unknown: BTreeSet<&str> =
            source.files.keys().map(|file| rules::folder(file)).filter(|folder| !floors.contains(folder)).collect();
        assert!(unknown.is_empty(), "{}: give these a place among the folders in rules.rs: {unknown:?}", source.name);
    }
}

#[test]
fn each_outside_crate_is_named_only_in_its_room() {
    let named: Vec<(String, String)> =
        all_crates().iter().flat_map(|source| named_crates(&Crate::parse(source))).collect();
    for (outside, rooms) in ROOMS {
        let strays: Vec<&str> = named
            .iter()
            .filter(|(file, name)| name == outside && !rooms.iter().any(|room| file.starts_with(room)))
            .map(|(file, _)| file.as_str())
            .collect();
        assert!(strays.is_empty(), "only {rooms:?} may name the crate `{outside}`, and these do: {strays:?}");
        // A rule about nothing would always hold.
        assert!(named.iter().any(|(_, name)| name == outside), "no file names `{outside}` any more");
    }
}

#[test]
fn every_source_file_is_read() {
    for source in all_crates() {
        let parsed = Crate::parse(&source);
        let read: BTreeSet<&str> = parsed.files().collect();
        let is_apart = |file: &str| parsed.modules.values().any(|module| module.apart.contains(file));
        let missed: Vec<&String> =
            source.files.keys().filter(|file| !read.contains(file.as_str()) && !is_apart(file)).collect();
        assert!(missed.is_empty(), "{}: no `mod` line leads to these: {missed:?}", source.name);
    }
}

/// The circles of a crate that is made up.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    circles(&arrows(&Crate::parse(&in_memory(files))))
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let lib = ("lib.rs", "mod a; mod b;");
    for (a, b) in [
        ("use crate::b::B; pub struct A(B);", "use crate::a::A; pub struct B(A);"),
        ("use super::b::B; pub struct A(B);", "pub struct B; fn f(_: &super::a::A) {}"),
        ("pub struct A; fn f() { crate::b::run() }", "pub fn run() { let _ = crate::a::A; }"),
        ("pub struct A; fn f() { println!(\"{}\", crate::b::N) }", "pub const N: u8 = 0; use super::a::A;"),
        ("use crate::{b, b::B}; pub struct A(B);", "use crate::a::{self}; pub struct B(a::A);"),
    ] {
        assert_eq!(circles_of(&[lib, ("a.rs", a), ("b.rs", b)]).len(), 1, "{a} | {b}");
    }
}

#[test]
fn re_exports_lead_to_the_file_that_defines_the_name() {
    // `b` takes `A` from the parent, which only hands it on: the arrow is b -> a, and there is no circle.
    let lib = ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;");
    let b = ("b.rs", "use super::A; pub struct B(A);");
    assert!(circles_of(&[lib, ("a.rs", "pub struct A;"), b]).is_empty());
    // Here `a` takes `B` from the glob: a circle.
    assert_eq!(circles_of(&[lib, ("a.rs", "pub struct A; use crate::B;"), b]).len(), 1);
    // A parent that defines what its child takes, and takes what its child defines.
    let parent = ("lib.rs", "mod a; use a::A; pub struct P(A);");
    assert_eq!(circles_of(&[parent, ("a.rs", "use super::P; pub struct A;")]).len(), 1);
}

#[test]
fn mod_lines_and_tests_are_no_arrows() {
    let lib = ("lib.rs", "pub mod a; pub struct Root;");
    let a = ("a.rs", "use super::Root; #[cfg(test)] mod tests { use crate::a; } mod inner { use super::*; }");
    assert!(circles_of(&[lib, a]).is_empty());
}

#[test]
fn an_arrow_that_points_up_and_a_stray_name_are_found() {
    let source = in_memory(&[
        ("lib.rs", "mod low; mod high;"),
        ("low/mod.rs", "use crate::high::High; use ::wasmtime::Engine; fn f() { redis::cmd(\"PING\"); }"),
        ("high/mod.rs", "pub struct High;"),
    ]);
    let parsed = Crate::parse(&source);
    let upward = arrows(&parsed).iter().filter(|arrow| rules::points_up(&["lib", "high", "low"], arrow)).count();
    assert_eq!(upward, 1);
    let named: Vec<String> = named_crates(&parsed).into_iter().map(|(_, name)| name).collect();
    assert!(named.contains(&"wasmtime".to_owned()) && named.contains(&"redis".to_owned()), "{named:?}");
}
