//! docs/publish.md: its script, its configuration and its commands work, with the real SQLAlchemy.

use std::process::{Command, Stdio};

use kiwi_cache::blocking;
use serde::Deserialize;

use crate::redis_server::RedisServer;
use crate::support::{Database, Exited, WorkDir, interpreter, page};

/// The table of the page's script.
const TABLE: &str = "import sqlite3
with sqlite3.connect('rates.sqlite') as db:
    db.execute('CREATE TABLE currency_rates (currency TEXT PRIMARY KEY, course NUMERIC)')
    db.executemany('INSERT INTO currency_rates VALUES (?, ?)', [('EUR', 1), ('USD', 1.084), ('CHF', 0.9364)])
";

#[derive(Deserialize)]
struct Rate {
    course: f64,
}

/// Runs a block of the page, in which `python3` is the one that has SQLAlchemy.
fn run(workdir: &WorkDir, block: &str) -> Exited {
    workdir.file("commands", &block.replace("kiwi-host ", "\"$@\" "));
    let python = interpreter();
    let path = format!("{}:{}", python.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = workdir.shell("exec bash commands \"$@\"", &[]);
    command.env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap().into()
}

#[test]
fn its_script_configuration_and_commands_work() {
    let redis = RedisServer::start();
    let page = page("docs/publish.md");
    let ([config], [script]) = (&page.blocks("toml")[..], &page.blocks("python")[..]) else { panic!("one of each") };
    let [publish, formats, failures] = &page.blocks("sh")[..] else { panic!("three blocks of commands") };
    let workdir = WorkDir::with(&config.replace("redis://127.0.0.1:6379", &redis.url()));
    workdir.file("load_rates.py", script);
    workdir.file("table.py", TABLE);
    let table = Command::new(interpreter()).arg("table.py").current_dir(workdir.path()).stdin(Stdio::null()).status();
    assert!(table.unwrap().success());

    workdir.run(&["check"]).expect(0);
    let exited = run(&workdir, &format!("set -e\n{publish}")).expect(0);
    assert!(exited.stdout.contains("{\"course\": 1.084}") && exited.stdout.contains("fresh"), "{}", exited.stdout);
    let rates: blocking::Cache<Rate> = blocking::Cache::connect(redis.url(), "rates").unwrap();
    assert_eq!((rates.len().unwrap(), rates.get("CHF").unwrap().unwrap().course), (3, 0.9364));

    // The page's other examples have two rows, and not three.
    let refused = run(&workdir, &format!("set -e\n{formats}")).expect(1);
    assert!(refused.stderr.contains("fewer than the 3 published, and `max_shrink` allows 30%"), "{refused:?}");
    workdir.run(&["forget", "rates", "--yes"]).expect(0);
    let exited = run(&workdir, &format!("set -e\n{formats}")).expect(0);
    assert!(exited.stdout.contains("{\"currency\":\"USD\",\"course\":\"1.0840\"}"), "{}", exited.stdout);
    let failed = run(&workdir, failures).expect(0);
    assert_eq!(failed.stdout, "nothing was published\nnothing was published\n");
    assert!(failed.stderr.contains("line 2: the document is cut off"), "{}", failed.stderr);
    assert!(failed.stderr.contains("line 1: the rows end after 1, and `--expect-rows` says 2"), "{}", failed.stderr);
    assert!(workdir.run(&["get", "rates", "USD"]).expect(0).stdout.contains("1.0840"), "the old map stays");
}

/// The same table in a server.
const IN_A_SERVER: &str = "CREATE TABLE currency_rates (currency varchar(3) PRIMARY KEY, course numeric(10,4));
    INSERT INTO currency_rates VALUES ('EUR', 1), ('USD', 1.084), ('CHF', 0.9364)";

#[test]
fn its_script_publishes_tables_of_servers_through_a_pipe() {
    let redis = RedisServer::start();
    let page = page("docs/publish.md");
    let script = &page.blocks("python")[0];
    for database in [Database::postgres(), Database::mariadb()] {
        database.sql(IN_A_SERVER);
        let workdir = WorkDir::with(&page.blocks("toml")[0].replace("redis://127.0.0.1:6379", &redis.url()));
        workdir.file("load_rates.py", &script.replace("sqlite:///rates.sqlite", &database.sqlalchemy_url()));
        run(&workdir, "python3 load_rates.py | kiwi-host publish rates --expect-rows 3").expect(0);
        let rates: blocking::Cache<Rate> = blocking::Cache::connect(redis.url(), "rates").unwrap();
        assert_eq!((rates.len().unwrap(), rates.get("USD").unwrap().unwrap().course), (3, 1.084));

        let refused = run(&workdir, "python3 load_rates.py | kiwi-host publish rates --expect-rows 4").expect(1);
        assert!(refused.stderr.contains("`--expect-rows` says 4"), "{refused:?}");
        workdir.run(&["forget", "rates", "--yes"]).expect(0);
    }
}

/// A script that is killed in the middle of a row.
const DIES: &str = "import json, os
for n in range(5000):
    print(json.dumps({'key': n, 'value': n}))
print('{\"key\"', end='', flush=True)
os.kill(os.getpid(), 9)
";

#[test]
fn a_script_that_dies_in_the_middle_publishes_nothing() {
    let redis = RedisServer::start();
    let page = page("docs/publish.md");
    let workdir = WorkDir::with(&page.blocks("toml")[0].replace("redis://127.0.0.1:6379", &redis.url()));
    workdir.file("rows.py", DIES);
    let exited = run(&workdir, "python3 rows.py | kiwi-host publish rates").expect(1);
    assert!(exited.stderr.contains("line 5001: the input is cut off"), "{exited:?}");
    workdir.run(&["get", "rates", "1"]).expect(2);
}
