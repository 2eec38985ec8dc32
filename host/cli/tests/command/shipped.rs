//! The plugins that are shipped with the command, by their names.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{WorkDir, assert_output, plugin, transcript};

const NAMES: [&str; 4] = ["currencies", "file", "http", "table"];

/// The command as it is installed: `bin/kiwi-host`, and its plugins in `share/kiwi-host/plugins`.
struct Installed {
    prefix: TempDir,
    workdir: WorkDir,
}

impl Installed {
    fn new() -> Self {
        // In the target directory, where a hard link to the command is possible: it is large.
        let prefix = TempDir::with_prefix_in("kiwi-host-", env!("CARGO_TARGET_TMPDIR")).unwrap();
        for dir in ["bin", "share/kiwi-host/plugins"] {
            std::fs::create_dir_all(prefix.path().join(dir)).unwrap();
        }
        std::fs::hard_link(env!("CARGO_BIN_EXE_kiwi-host"), prefix.path().join("bin/kiwi-host")).unwrap();
        for name in NAMES.map(|name| format!("{name}.wasm")) {
            std::fs::copy(plugin(&name), prefix.path().join("share/kiwi-host/plugins").join(&name)).unwrap();
        }
        let workdir = WorkDir::new();
        workdir.file("data/airlines.csv", "iata,name\nFR,Ryanair\nLH,Lufthansa\n");
        Self { prefix, workdir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.prefix.path().join("bin/kiwi-host"));
        command.args(args).current_dir(self.workdir.path()).stdin(Stdio::null()).env_clear();
        command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A transcript in which the installation is `PREFIX`.
    fn transcript(&self, args: &[&str]) -> String {
        let prefix = self.prefix.path().canonicalize().unwrap();
        transcript(args, &self.run(args)).replace(prefix.to_str().unwrap(), "PREFIX")
    }
}

#[test]
fn they_are_listed_and_run_by_name() {
    let installed = Installed::new();
    assert_output!("shipped-list", installed.transcript(&["plugins"]), [(r"  +", "  ")]);
    assert_output!("shipped-list-json", installed.transcript(&["plugins", "--format", "json"]));
    let run = installed.run(&["run", "currencies", "--once"]);
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let read = installed.run(&["get", "currencies", "EUR"]);
    assert!(String::from_utf8(read.stdout).unwrap().contains("Euro"));
    let inspected = installed.transcript(&["inspect", "table"]);
    assert!(inspected.contains("table\n  world ") && inspected.contains("plugin = \"table\""), "{inspected}");
}

#[test]
fn kiwi_toml_names_them_and_check_fix_writes_their_names() {
    let installed = Installed::new();
    let fixed = installed.run(&["check", "--fix", "file"]);
    let text = std::fs::read_to_string(installed.workdir.path().join("kiwi.toml")).unwrap();
    assert!(text.contains("[cache.file]\nplugin = \"file\"\n"), "{fixed:?}\n{text}");
    installed.workdir.file(
        "kiwi.toml",
        "store = \"file:.kiwi\"\n[cache.airlines]\nplugin = \"file\"\n\
         settings = { path = \"data/airlines.csv\", key = \"iata\" }\ngrants = { files = [\"data/airlines.csv\"] }\n",
    );
    let run = installed.run(&["run", "file", "--once"]);
    assert!(String::from_utf8(run.stdout).unwrap().starts_with("airlines: published 2 entries"));
    // A word is never a file in this directory.
    std::fs::write(installed.workdir.path().join("file"), "not a component").unwrap();
    assert_eq!(installed.run(&["check"]).status.code(), Some(0));
}

#[test]
fn a_name_that_was_not_shipped_is_an_error_that_names_the_directory() {
    let installed = Installed::new();
    assert_output!("shipped-near", installed.transcript(&["run", "currencys"]));
    assert_output!("shipped-unknown", installed.transcript(&["inspect", "ships"]));
    installed.workdir.file("kiwi.toml", "store = \"file:.kiwi\"\n[cache.rates]\nplugin = \"tabel\"\n");
    assert_output!("shipped-config", installed.transcript(&["check"]));
    let run = installed.run(&["run", "--once"]);
    assert_eq!(run.status.code(), Some(64), "{run:?}");
    // What only reads the store needs no plugin.
    let read = installed.run(&["status"]);
    assert_eq!((read.status.code(), read.stderr.is_empty()), (Some(0), true), "{read:?}");
}

#[test]
fn kiwi_plugins_names_another_directory() {
    let installed = Installed::new();
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").canonicalize().unwrap();
    std::fs::remove_dir_all(installed.prefix.path().join("share")).unwrap();
    assert_output!("shipped-no-directory", installed.transcript(&["plugins"]));
    assert_output!("shipped-no-directory-run", installed.transcript(&["run", "currencies"]));
    let run = installed.command(&["run", "currencies", "--dry-run"]).env("KIWI_PLUGINS", plugins).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{run:?}");
}
