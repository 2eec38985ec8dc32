use crate::support::{Desk, assert_said};

#[test]
fn every_subcommand_explains_itself() {
    let desk = Desk::new();
    assert_said!("help", desk.said(&["--help"]));
    for subcommand in ["run", "refill", "get", "keys", "dump", "status", "inspect", "check", "forget"] {
        assert_said!(format!("help-{subcommand}"), desk.said(&[subcommand, "--help"]));
    }
}

#[test]
fn wrong_usage_exits_64() {
    let desk = Desk::new();
    for args in [
        &[][..],
        &["fly"],
        &["get", "airlines"],
        &["get", "a b", "c"],
        &["refill"],
        &["refill", "a", "--all"],
        &["refill", "a", "--diff"],
        &["refill", "a", "--dry-run", "--force"],
    ] {
        assert_eq!(desk.run(args).status.code(), Some(64), "{args:?}");
    }
    assert_eq!(desk.run(&["--version"]).status.code(), Some(0));
}

#[test]
fn help_shows_no_password_of_the_environment() {
    let output = Desk::new().command(&["--help"]).env("KIWI_STORE", "redis://:s3cret@h").output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("s3cret"));
}
