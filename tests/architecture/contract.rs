//! The contract only grows: whatever a published version has, the one of today has too, as it was.

use std::collections::BTreeMap;
use std::path::Path;

use wit_parser::{FunctionKind, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldItem};

/// Everything that a contract names, in words that say all about it but its comments.
fn items(wit: &Path) -> BTreeMap<String, String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_file(wit).unwrap_or_else(|error| panic!("{}: {error:#}", wit.display()));
    let package = &resolve.packages[package];
    let mut items = BTreeMap::new();
    for (interface, id) in &package.interfaces {
        for (name, ty) in &resolve.interfaces[*id].types {
            items.insert(format!("{interface}.{name}"), definition(&resolve, *ty));
        }
        for (name, function) in &resolve.interfaces[*id].functions {
            items.insert(format!("{interface}.{name}"), signature(&resolve, function));
        }
    }
    for (world, id) in &package.worlds {
        let world_items = &resolve.worlds[*id];
        for (direction, named) in [("import", &world_items.imports), ("export", &world_items.exports)] {
            for (key, item) in named {
                let name = match key {
                    wit_parser::WorldKey::Name(name) => name.clone(),
                    wit_parser::WorldKey::Interface(id) => interface_name(&resolve, *id),
                };
                let said = match item {
                    WorldItem::Function(function) => signature(&resolve, function),
                    WorldItem::Type { id, .. } => definition(&resolve, *id),
                    WorldItem::Interface { .. } => "interface".to_owned(),
                };
                items.insert(format!("{world} {direction} {name}"), said);
            }
        }
    }
    items
}

fn interface_name(resolve: &Resolve, id: InterfaceId) -> String {
    resolve.interfaces[id].name.clone().expect("an interface of a package has a name")
}

fn signature(resolve: &Resolve, function: &wit_parser::Function) -> String {
    let kind = match &function.kind {
        FunctionKind::Freestanding => "func",
        FunctionKind::Method(_) => "method",
        FunctionKind::Static(_) => "static",
        FunctionKind::Constructor(_) => "constructor",
        _ => "async",
    };
    let params: Vec<String> =
        function.params.iter().map(|param| format!("{}: {}", param.name, name(resolve, &param.ty))).collect();
    let result = function.result.as_ref().map_or(String::new(), |ty| name(resolve, ty));
    format!("{kind}({}) -> {result}", params.join(", "))
}

/// A type where it is used: by its name, or all of it if it has none.
fn name(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[*id].name {
            Some(name) => match resolve.types[*id].owner {
                TypeOwner::Interface(interface) => format!("{}.{name}", interface_name(resolve, interface)),
                _ => name.clone(),
            },
            None => definition(resolve, *id),
        },
        primitive => format!("{primitive:?}"),
    }
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    let of = |ty: &Type| name(resolve, ty);
    let maybe = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), of);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter().map(|field| format!("{}: {}", field.name, of(&field.ty)));
            format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| format!("{}({})", case.name, maybe(&case.ty)));
            format!("variant {{ {} }}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(cases) => {
            format!("enum {:?}", cases.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>())
        }
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", tuple.types.iter().map(of).collect::<Vec<_>>().join(", ")),
        TypeDefKind::Result(result) => format!("result<{}, {}>", maybe(&result.ok), maybe(&result.err)),
        TypeDefKind::Type(ty) => format!("= {}", of(ty)),
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Handle(wit_parser::Handle::Own(id)) => format!("own<{}>", of(&Type::Id(*id))),
        TypeDefKind::Handle(wit_parser::Handle::Borrow(id)) => format!("borrow<{}>", of(&Type::Id(*id))),
        other => panic!("the contract uses a kind of type that this test does not know: {other:?}"),
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn nothing_that_was_published_has_changed() {
    let today = items(&repository().join("wit/loader.wit"));
    for version in ["0.1.0", "0.1.1"] {
        let published = items(&repository().join(format!("tests/kept/loader-{version}.wit")));
        assert!(published.len() > 20, "{published:?}");
        for (name, said) in published {
            // `description` may gain fields: hosts read it by name.
            let is_kept = match (name.as_str(), today.get(&name)) {
                ("about.description", Some(now)) => {
                    let fields = said.trim_start_matches("record { ").trim_end_matches(" }");
                    fields.split(", ").all(|field| now.contains(field))
                }
                (_, now) => now == Some(&said),
            };
            assert!(is_kept, "{name} of {version} was\n{said}\nand is\n{:?}", today.get(&name));
        }
    }
}

#[test]
fn the_contract_of_today_is_kept() {
    let (today, kept) = ("wit/loader.wit", "tests/kept/loader-0.1.1.wit");
    let [today, kept] = [today, kept].map(|path| items(&repository().join(path)));
    assert_eq!(today, kept, "a contract that has changed needs a version of its own, and a copy in tests/kept");
}

#[test]
fn a_change_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let wit = std::fs::read_to_string(repository().join("wit/loader.wit")).expect("the contract");
    let file = dir.path().join("loader.wit");
    let kept = items(&repository().join("tests/kept/loader-0.1.1.wit"));
    for (from, to) in [
        ("next: func(max: u32)", "next: func(max: u64)"),
        ("type-name: string,", "type-name: option<string>,"),
        ("other(string),", "other(string), late(string),"),
        ("  import sql;\n", ""),
        ("enum level { trace,", "enum level {"),
    ] {
        assert!(wit.contains(from), "{from}");
        std::fs::write(&file, wit.replacen(from, to, 1)).expect("a file");
        assert_ne!(items(&file), kept, "{from} -> {to} is not found");
    }
    std::fs::write(&file, wit.replace("/// ", "/// Other words: ")).expect("a file");
    assert_eq!(items(&file), kept, "comments may change");
}
