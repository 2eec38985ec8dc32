//! The arrows between the files of a crate, and the outside crates that they name.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, Macro, Path, UseTree, Visibility};

use crate::modules::{Crate, ModulePath, counts};

/// A file imports another, or names something of it in its code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// The path as it is written.
    pub(crate) path: String,
}

/// All arrows of a crate.
pub(crate) fn arrows(parsed: &Crate) -> BTreeSet<Arrow> {
    let mut arrows = BTreeSet::new();
    each_path(parsed, |module, file, path| {
        if let Some(to) = parsed.defining_file(module, path)
            && to != file
        {
            arrows.insert(Arrow { from: file.to_owned(), to: to.to_owned(), path: path.join("::") });
        }
    });
    arrows
}

/// Each file with the first word of each path in it that leads out of the crate.
pub(crate) fn named_crates(parsed: &Crate) -> Vec<(String, String)> {
    let mut named = BTreeSet::new();
    each_path(parsed, |module, file, path| {
        let Some(first) = path.first() else { return };
        let leads_in = matches!(first.as_str(), "crate" | "self" | "super" | "Self") || path.len() < 2;
        if !leads_in && !parsed.is_local(module, first) {
            named.insert((file.to_owned(), first.clone()));
        }
    });
    named.into_iter().collect()
}

fn each_path(parsed: &Crate, mut seen: impl FnMut(&ModulePath, &str, &[String])) {
    for (module, found) in &parsed.modules {
        let mut paths = Paths::default();
        paths.visit_file(&found.syntax);
        for path in &paths.found {
            seen(module, &found.file, path);
        }
    }
}

/// Collects every path of a file: of its `use`s, of its code, and of what its macros are given.
#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
    /// How many modules within the file stand around what is visited.
    depth: usize,
}

impl Paths {
    /// A path as it would be written outside of the modules within the file.
    fn add(&mut self, mut path: Vec<String>) {
        for _ in 0..self.depth {
            match path.first().map(String::as_str) {
                Some("super") => drop(path.remove(0)),
                _ => break,
            }
        }
        self.found.push(path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs[..],
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => &[],
        };
        if counts(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if counts(&item.attrs) && item.content.is_some() {
            self.depth += 1;
            visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(crate)` and `pub(super)` import nothing.
    }

    fn visit_use_tree(&mut self, tree: &'ast UseTree) {
        let mut paths = Vec::new();
        collect(tree, &mut Vec::new(), &mut paths);
        paths.into_iter().for_each(|path| self.add(path));
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        self.visit_path(&invoked.path);
        let mut paths = Vec::new();
        in_tokens(invoked.tokens.clone(), &mut paths);
        paths.into_iter().for_each(|path| self.add(path));
    }
}

fn collect(tree: &UseTree, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            collect(&inner.tree, path, paths);
            path.pop();
        }
        UseTree::Name(name) if name.ident != "self" => paths.push([&path[..], &[name.ident.to_string()]].concat()),
        UseTree::Rename(rename) => paths.push([&path[..], &[rename.ident.to_string()]].concat()),
        UseTree::Name(_) | UseTree::Glob(_) => paths.push(path.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, paths)),
    }
}

/// Paths among the tokens that a macro is given: words with `::` between them. A word alone is no path.
fn in_tokens(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let (mut path, mut colons) = (Vec::new(), 0);
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                if colons != 2 && !path.is_empty() {
                    paths.push(std::mem::take(&mut path));
                }
                path.push(word.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                if !path.is_empty() {
                    paths.push(std::mem::take(&mut path));
                }
                colons = 0;
                if let TokenTree::Group(group) = other {
                    in_tokens(group.stream(), paths);
                }
            }
        }
    }
    if !path.is_empty() {
        paths.push(path);
    }
    paths.retain(|path| path.len() > 1);
}
