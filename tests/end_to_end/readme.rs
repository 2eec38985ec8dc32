//! README.md: its commands are run, its loader is the one we ship, its configuration is read, and the tests it names are
//! there.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::redis_server::RedisServer;
use crate::support::{Desk, Ended, page, repository};

#[test]
fn every_command_works_from_the_top_of_the_repository() {
    let redis = RedisServer::start();
    let desk = Desk::new();
    // The repository's folders, and whatever the commands leave is gone with the desk.
    for folder in ["plugins", "examples"] {
        symlink(repository().join(folder), desk.path().join(folder)).unwrap();
    }
    let blocks = page("README.md").blocks("sh");
    assert_eq!(blocks.len(), 2, "blocks of commands");
    for block in blocks {
        let commands = block.replace("redis://127.0.0.1:6379", &redis.url()).replace("kiwi-host ", "\"$@\" ");
        let output = desk.shell(&format!("set -e\n{commands}"), &[]).output().unwrap();
        let ended = Ended::from(output).expect(0);
        assert!(["Euro", "Ryanair"].iter().any(|name| ended.stdout.contains(name)), "{}", ended.stdout);
    }
    let published: String = redis.command(&["HGET", "kiwi:{airlines}", "FR"]).unwrap();
    assert!(published.contains("Ryanair"), "{published}");
}

#[test]
fn the_loader_is_the_one_we_ship() {
    let source = |path| std::fs::read_to_string(repository().join(path)).unwrap();
    let (component, native) = (source("plugins/currencies/src/lib.rs"), source("examples/embed/src/airlines.rs"));
    let (component, _tests) = component.split_once("\n#[cfg(test)]").unwrap();
    assert_eq!(page("README.md").blocks("rs"), [component.trim_end(), native.trim_end()]);
}

#[test]
fn the_configuration_is_read() {
    let redis = RedisServer::start();
    let [config] = &page("README.md").blocks("toml")[..] else { panic!("expected one configuration") };
    let desk = Desk::with(&config.replace("redis://127.0.0.1:6379", &redis.url()));
    symlink(repository().join("plugins"), desk.path().join("plugins")).unwrap();
    symlink(repository().join("examples/data"), desk.path().join("data")).unwrap();
    desk.run(&["check"]).expect(0);
    desk.run(&["run", "--once"]).expect(0);
}

#[test]
fn every_test_that_is_named_is_there() {
    let readme = page("README.md");
    let rows = readme.lines().skip_while(|line| !line.ends_with("| shown by |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10, "the table of kiwi-cache's features");
    let sources: String = ["host", "tests"].iter().map(|dir| rust_in(&repository().join(dir))).collect();
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named: {row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test `{name}`: {row}");
        }
    }
}

/// All Rust of a directory and those below it.
fn rust_in(dir: &Path) -> String {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        _ if path.ends_with("target") => String::new(),
        _ if path.is_dir() => rust_in(&path),
        Some(extension) if extension == "rs" => std::fs::read_to_string(&path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}
