//! README.md: its commands work, its loader is the one we ship, its configuration is valid, and the tests it names exist.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::databases::Postgres;
use crate::redis_server::RedisServer;
use crate::support::{Exited, WorkDir, page, repository};

#[test]
fn every_command_works_from_the_top_of_the_repository() {
    let redis = RedisServer::start();
    let workdir = WorkDir::new();
    // A link, so that the files which the commands create are deleted with the directory.
    symlink(repository().join("examples"), workdir.path().join("examples")).unwrap();
    let blocks = page("README.md").blocks("sh");
    assert_eq!(blocks.len(), 2, "blocks of commands");
    for block in blocks {
        let commands = block.replace("redis://127.0.0.1:6379", &redis.url()).replace("kiwi-host ", "\"$@\" ");
        let output = shell(&workdir, &format!("set -e\n{commands}"), &[]).output().unwrap();
        let exited = Exited::from(output).expect(0);
        assert!(["Euro", "Ryanair"].iter().any(|name| exited.stdout.contains(name)), "{}", exited.stdout);
    }
    let published: String = redis.command(&["HGET", "kiwi:{airlines}", "FR"]).unwrap();
    assert!(published.contains("Ryanair"), "{published}");
}

#[test]
fn what_is_typed_after_the_installation_works() {
    let workdir = WorkDir::new();
    let blocks = page("README.md").blocks("console").join("\n");
    let commands: Vec<&str> = blocks.lines().filter_map(|line| line.strip_prefix("kiwi-host ")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        Exited::from(shell(&workdir, &format!("\"$@\" {command}"), &[]).output().unwrap()).expect(0);
    }
}

/// A line of shell, in which `"$@"` is the command, and is installed with its plugins.
fn shell(workdir: &WorkDir, line: &str, args: &[&str]) -> Command {
    let mut command = workdir.shell(line, args);
    command.env("KIWI_PLUGINS", repository().join("plugins"));
    command
}

#[test]
fn the_loader_is_the_one_we_ship() {
    let source = |path| std::fs::read_to_string(repository().join(path)).unwrap();
    let (component, native) = (source("plugins/currencies/src/lib.rs"), source("examples/embed/src/airlines.rs"));
    let (component, _tests) = component.split_once("\n#[cfg(test)]").unwrap();
    assert_eq!(page("README.md").blocks("rs"), [component.trim_end(), native.trim_end()]);
}

#[test]
fn the_configuration_works() {
    let redis = RedisServer::start();
    let [config, table] = &page("README.md").blocks("toml")[..] else { panic!("expected two configurations") };
    let database = Postgres::shared().database();
    database.sql("CREATE TABLE currency_rates (currency text PRIMARY KEY, course numeric)");
    database.sql("INSERT INTO currency_rates VALUES ('USD', 1.10)");
    let table = table.replace("postgres://reader@db.example.com/shop", &database.url());
    let workdir = WorkDir::with(&format!("{}\n{table}", config.replace("redis://127.0.0.1:6379", &redis.url())));
    symlink(repository().join("examples/data"), workdir.path().join("data")).unwrap();
    let run = |args: &[&str]| {
        let line = format!("SHOP_PASSWORD={} \"$@\"", database.password());
        let output = shell(&workdir, &line, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["check"]);
    run(&["run", "--once"]);
    assert_eq!(run(&["get", "currency_rates", "USD"]).trim(), r#"{"currency":"USD","course":1.10}"#);
}

#[test]
fn every_named_test_exists() {
    let readme = page("README.md");
    let rows = readme.lines().skip_while(|line| !line.ends_with("| shown by |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 10, "the table of kiwi-cache's features");
    let sources: String = ["host", "tests"].iter().map(|dir| rust_in(&repository().join(dir))).collect();
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "names no test: {row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test is called `{name}`: {row}");
        }
    }
}

/// All Rust code in a directory and its subdirectories.
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
