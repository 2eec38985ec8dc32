//! The Python package in host/wheel, as an installer lays it out.

use std::os::unix::fs::symlink;
use std::process::Output;

use crate::support::{WorkDir, interpreter, kiwi_host, repository};

/// Runs `python -m kiwi_host`, with the package in this directory below the prefix.
fn run(workdir: &WorkDir, package: &str, args: &[&str]) -> Output {
    let packages = workdir.path().join(package);
    std::fs::create_dir_all(packages.join("kiwi_host")).unwrap();
    for file in ["__init__.py", "__main__.py"] {
        let source = repository().join("host/wheel/kiwi_host").join(file);
        std::fs::copy(source, packages.join("kiwi_host").join(file)).unwrap();
    }
    let mut python = std::process::Command::new(interpreter());
    python.args(["-m", "kiwi_host"]).args(args).env_clear().env("PYTHONPATH", &packages);
    python.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(workdir.path()).output().unwrap()
}

#[test]
fn python_becomes_the_command_of_its_own_prefix() {
    for package in ["lib/python3/site-packages", "."] {
        let workdir = WorkDir::new();
        std::fs::create_dir(workdir.path().join("bin")).unwrap();
        symlink(kiwi_host(), workdir.path().join("bin/kiwi-host")).unwrap();
        let version = run(&workdir, package, &["--version"]);
        let expected = format!("kiwi-host {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8_lossy(&version.stdout), expected, "{package}: {version:?}");
        // Its exit code is the command's.
        std::fs::remove_dir_all(workdir.path().join(package).join("kiwi_host")).unwrap();
        assert_eq!(run(&workdir, package, &["fly"]).status.code(), Some(64), "{package}");
    }
}

#[test]
fn a_package_without_its_command_says_where_it_looked() {
    let workdir = WorkDir::new();
    let failed = run(&workdir, "lib/python3/site-packages", &["--version"]);
    let error = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{error}");
    let bin = workdir.path().canonicalize().unwrap().join("bin");
    assert!(error.starts_with("kiwi_host: kiwi-host is not in ") && error.contains(bin.to_str().unwrap()), "{error}");
}
