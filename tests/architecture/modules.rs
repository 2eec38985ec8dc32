//! The modules of a crate: which file each is in, and what it hands on.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, File, Item, ItemMod, Meta, UseTree};

use crate::sources::Source;

/// A module's path from the crate's root.
pub(crate) type ModulePath = Vec<String>;

/// One file of a crate, as one module. Modules within a file are part of it.
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) syntax: File,
    /// Modules declared here that have files of their own.
    children: BTreeSet<String>,
    /// Modules declared here whose file is named by an attribute: they are somebody else's.
    moved: BTreeSet<String>,
    /// Files of modules declared here that are no part of the program: tests, and what stands in for a folder.
    pub(crate) apart: BTreeSet<String>,
    /// Names that are imported or re-exported here, and where they come from. A glob stands under `*`.
    uses: Vec<(String, Vec<String>)>,
}

/// A parsed crate.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// # Panics
    /// A file is not Rust.
    pub(crate) fn parse(source: &Source) -> Self {
        let mut modules = BTreeMap::new();
        let folder = source.root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        add(source, Vec::new(), &source.root, &folder, &mut modules);
        Self { modules }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.modules.values().map(|module| module.file.as_str())
    }

    /// Whether a module, or a name that is in scope in it, is meant by the first word of a path there.
    pub(crate) fn is_local(&self, module: &ModulePath, first: &str) -> bool {
        let found = &self.modules[module];
        found.children.contains(first) || found.uses.iter().any(|(name, _)| name == first)
    }

    /// The file that defines what a path in a module means. `None`: it leads out of the crate.
    pub(crate) fn defining_file(&self, module: &ModulePath, path: &[String]) -> Option<&str> {
        let target = self.resolve(module, path, 0)?;
        Some(&self.modules[&target].file)
    }

    fn resolve(&self, module: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        if depth > 20 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(&Vec::new(), rest, depth),
            "self" => self.walk(module, rest, depth),
            "super" => {
                let parent = module.split_last()?.1.to_vec();
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(&parent, rest, depth),
                    _ => self.walk(&parent, rest, depth),
                }
            }
            // A name in scope counts where it is imported, and nowhere else.
            first if self.modules[module].children.contains(first) => self.walk(module, path, depth),
            _ => None,
        }
    }

    /// Follows a path downwards from a module.
    fn walk(&self, module: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        let Some((first, rest)) = path.split_first() else { return Some(module.clone()) };
        let found = self.modules.get(module)?;
        if found.moved.contains(first) && !found.children.contains(first) {
            return None;
        }
        if found.children.contains(first) {
            let child = [module.as_slice(), std::slice::from_ref(first)].concat();
            return self.walk(&child, rest, depth);
        }
        // The parent may only hand it on: then it is followed to where it comes from.
        for (name, source) in &found.uses {
            if name == first {
                let followed = [source.as_slice(), rest].concat();
                return self.resolve(module, &followed, depth + 1).or(Some(module.clone()));
            }
        }
        for (name, source) in &found.uses {
            if name == "*"
                && let Some(from) = self.resolve(module, source, depth + 1)
                && from != *module
                && self.defines(&from, first)
            {
                return self.walk(&from, path, depth + 1);
            }
        }
        Some(module.clone())
    }

    fn defines(&self, module: &ModulePath, name: &str) -> bool {
        let found = &self.modules[module];
        found.children.contains(name)
            || found.uses.iter().any(|(used, _)| used == name)
            || found.syntax.items.iter().any(|item| item_name(item).is_some_and(|item| item == name))
    }
}

fn add(source: &Source, path: ModulePath, file: &str, folder: &str, modules: &mut BTreeMap<ModulePath, Module>) {
    let text = source.files.get(file).unwrap_or_else(|| panic!("{file} is missing"));
    let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (mut children, mut moved, mut apart, mut uses) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), Vec::new());
    for item in &syntax.items {
        match item {
            Item::Mod(item) if item.content.is_none() && counts(&item.attrs) && !is_moved(item) => {
                let name = item.ident.to_string();
                let candidates = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
                let child = candidates.into_iter().find(|child| source.files.contains_key(child));
                let child = child.unwrap_or_else(|| panic!("{file}: no file for `mod {name}`"));
                let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
                add(source, path, &child, &format!("{folder}/{name}"), modules);
                children.insert(name);
            }
            Item::Mod(item) if item.content.is_none() && is_moved(item) => {
                moved.insert(item.ident.to_string());
                apart.extend(path_attribute(item).map(|file| format!("{folder}/{file}")));
            }
            Item::Mod(item) if item.content.is_none() => {
                let (file, below) = (format!("{folder}/{}.rs", item.ident), format!("{folder}/{}/", item.ident));
                apart.extend(source.files.keys().filter(|path| path.starts_with(&below)).cloned());
                apart.insert(file);
            }
            Item::Use(item) if counts(&item.attrs) => {
                // A private `use` hands on to children, too: they may say `super::Name`.
                leaves(&item.tree, &mut Vec::new(), &mut uses);
            }
            _ => {}
        }
    }
    modules.insert(path, Module { file: file.to_owned(), syntax, children, moved, apart, uses });
}

/// Each name that a `use` brings in, and its whole path.
fn leaves(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let with = |path: &[String], name: String| [path, &[name]].concat();
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            leaves(&inner.tree, path, found);
            path.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            found.push((path.last().cloned().unwrap_or_default(), path.clone()));
        }
        UseTree::Name(name) => found.push((name.ident.to_string(), with(path, name.ident.to_string()))),
        UseTree::Rename(rename) => found.push((rename.rename.to_string(), with(path, rename.ident.to_string()))),
        UseTree::Glob(_) => found.push(("*".to_owned(), path.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, found)),
    }
}

/// Whether an item is part of the program: not of its tests.
pub(crate) fn counts(attributes: &[Attribute]) -> bool {
    !attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition == "doctest" || condition.starts_with("not")
        }
        _ => false,
    })
}

/// Whether a module's file is named by an attribute: it stands in for another one.
fn is_moved(item: &ItemMod) -> bool {
    item.attrs.iter().any(|attribute| attribute.path().is_ident("path"))
}

fn path_attribute(item: &ItemMod) -> Option<String> {
    item.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(file), .. }) => Some(file.value()),
            _ => None,
        },
        _ => None,
    })
}

fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => return item.ident.as_ref().map(ToString::to_string),
        _ => return None,
    };
    Some(ident.to_string())
}
