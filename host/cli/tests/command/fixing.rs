//! `check --fix`: what it adds to kiwi.toml.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{WorkDir, assert_output, workdir};

fn config(workdir: &WorkDir) -> String {
    std::fs::read_to_string(workdir.path().join("kiwi.toml")).unwrap()
}

#[test]
fn fix_adds_what_is_missing_to_the_tables_that_exist() {
    let workdir = workdir();
    workdir.file("data/rates.json", r#"{"USD": 1}"#).file("more/airlines.csv", "iata,name\nFR,Ryanair\n");
    workdir.file(
        "conf/real.toml",
        r#"# Ours.
store = "file:.kiwi"    # embedded

[cache.inline]          # one line each
plugin = "file.wasm"
settings = { path = "more/airlines.csv", key = "iata" }   # s3cret
grants = { dirs = ["data"] }

[cache.rates]
plugin = "file.wasm"
  # Not here: settings.key
settings.path = "data/rates.json"

[cache.tables]
plugin = "file.wasm"
[cache.tables.settings]
key = "iata"

[defaults]
reload_ttl = "5m"
# The end.
"#,
    );
    let real = workdir.path().join("conf/real.toml");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    for link in ["file.wasm", "data", "more"] {
        symlink(workdir.path().join(link), workdir.path().join("conf").join(link)).unwrap();
    }
    symlink("real.toml", workdir.path().join("conf/kiwi.toml")).unwrap();
    let fix = || workdir.transcript(&["check", "--fix", "--config", "conf/kiwi.toml"]);
    let first = fix();
    assert!(!first.contains("s3cret"), "{first}");
    assert_output!("fix", first);
    let fixed = std::fs::read_to_string(&real).unwrap();
    assert_output!("fix-file", fixed.clone());
    assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert!(workdir.path().join("conf/kiwi.toml").is_symlink());
    let modified = real.metadata().unwrap().modified().unwrap();
    let again = fix();
    assert!(!again.contains("fixed "), "{again}");
    assert_eq!(std::fs::read_to_string(&real).unwrap(), fixed);
    assert_eq!(real.metadata().unwrap().modified().unwrap(), modified, "a file without anything to fix is not written");
}

#[test]
fn fix_adds_a_cache_for_a_plugin_and_then_its_grants() {
    let workdir = workdir();
    std::fs::remove_file(workdir.path().join("kiwi.toml")).unwrap();
    assert_output!("fix-new", workdir.transcript(&["check", "--fix", "file.wasm"]));
    assert_output!("fix-new-file", config(&workdir));
    let before = config(&workdir);
    let unfilled = workdir.transcript(&["check", "--fix"]);
    assert!(unfilled.contains("kiwi.toml:5: the setting `path` still has the placeholder"), "{unfilled}");
    assert_eq!(config(&workdir), before);
    let run = String::from_utf8(workdir.run(&["run", "--once"]).stderr).unwrap();
    assert!(run.contains("still has the placeholder") && !run.contains("grant"), "{run}");

    workdir
        .file("kiwi.toml", &format!("{}settings.key = \"iata\"\n", before.replace("\"...\"", "\"data/airlines.csv\"")));
    let fixed = workdir.transcript(&["check", "--fix"]);
    assert!(fixed.contains("added `grants.files = [\"data/airlines.csv\"]` (to read the file `path`)"), "{fixed}");
    assert!(fixed.ends_with("exit code 0\n"), "{fixed}");
    assert_eq!(workdir.run(&["run", "--once"]).status.code(), Some(0));
}

#[test]
fn fix_gives_a_file_beside_kiwi_toml_and_not_its_directory() {
    let workdir = workdir();
    workdir.file("airlines.csv", "iata,name\nFR,Ryanair\n");
    workdir.file(
        "kiwi.toml",
        "store = \"file:.kiwi\"\n[cache.a]\nplugin = \"file.wasm\"\nsettings = { path = \"airlines.csv\", key = \"iata\" }\n",
    );
    let output = workdir.transcript(&["check", "--fix"]);
    assert!(output.contains("added `grants.files = [\"airlines.csv\"]` (to read the file `path`)"), "{output}");
    assert!(output.ends_with("exit code 0\n"), "{output}");
}

#[test]
fn fix_leaves_an_invalid_file_alone() {
    let workdir = workdir();
    workdir.file("kiwi.toml", "stor = 1\n[cache.a]\nplugin = \"file.wasm\"\n");
    let before = config(&workdir);
    let output = workdir.transcript(&["check", "--fix"]);
    assert!(output.contains("unknown key `stor`") && output.ends_with("exit code 64\n"), "{output}");
    assert_eq!(config(&workdir), before);
}
