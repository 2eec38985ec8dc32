//! README.md: its commands are run, its loader is the one we ship, its configuration is read.

use std::os::unix::fs::symlink;

use crate::redis_server::RedisServer;
use crate::support::{Desk, Ended, repository};

/// The blocks of a language in README.md.
fn blocks(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("README.md is there");
    let blocks = readme.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).map(ToOwned::to_owned).collect()
}

#[test]
fn every_command_works_from_the_top_of_the_repository() {
    let redis = RedisServer::start();
    let desk = Desk::new();
    // The repository's folders, and whatever the commands leave is gone with the desk.
    for folder in ["plugins", "examples"] {
        symlink(repository().join(folder), desk.path().join(folder)).unwrap();
    }
    let blocks = blocks("sh");
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
    let source = std::fs::read_to_string(repository().join("plugins/currencies/src/lib.rs")).unwrap();
    let (loader, _tests) = source.split_once("\n#[cfg(test)]").unwrap();
    assert_eq!(blocks("rs"), [loader.trim_end()]);
}

#[test]
fn the_configuration_is_read() {
    let redis = RedisServer::start();
    let [config] = &blocks("toml")[..] else { panic!("expected one configuration") };
    let desk = Desk::with(&config.replace("redis://127.0.0.1:6379", &redis.url()));
    symlink(repository().join("plugins"), desk.path().join("plugins")).unwrap();
    symlink(repository().join("examples/data"), desk.path().join("data")).unwrap();
    desk.run(&["check"]).expect(0);
    desk.run(&["run", "--once"]).expect(0);
}
