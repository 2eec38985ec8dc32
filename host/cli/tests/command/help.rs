use crate::support::{WorkDir, assert_output};

#[test]
fn every_subcommand_has_help() {
    let workdir = WorkDir::new();
    assert_output!("help", workdir.transcript(&["--help"]));
    for subcommand in
        ["run", "refill", "publish", "get", "keys", "dump", "status", "plugins", "inspect", "check", "forget"]
    {
        assert_output!(format!("help-{subcommand}"), workdir.transcript(&[subcommand, "--help"]));
    }
}

#[test]
fn invalid_usage_exits_64() {
    let workdir = WorkDir::new();
    for args in [
        &[][..],
        &["fly"],
        &["get", "airlines"],
        &["get", "a b", "c"],
        &["refill"],
        &["refill", "a", "--all"],
        &["refill", "a", "--diff"],
        &["refill", "a", "--dry-run", "--force"],
        &["publish"],
        &["publish", "a", "--input-format", "csv"],
        &["publish", "a", "--key", ""],
        &["publish", "a", "--key", "b", "--key-separator", "-"],
        &["publish", "a", "--expect-rows", "-1"],
    ] {
        assert_eq!(workdir.run(args).status.code(), Some(64), "{args:?}");
    }
    assert_eq!(workdir.run(&["--version"]).status.code(), Some(0));
}

#[test]
fn help_does_not_show_the_password_in_the_environment() {
    let output = WorkDir::new().command(&["--help"]).env("KIWI_STORE", "redis://:s3cret@h").output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("s3cret"));
}
