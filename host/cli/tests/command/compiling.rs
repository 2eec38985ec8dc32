//! How plugins are compiled: in a process of its own, within limits, into a cache that nobody else can write.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::support::{WorkDir, guest, workdir};

/// Inspects a plugin with this cache directory. Gives what was written to standard error, with -v.
fn inspect(workdir: &WorkDir, caches: &str, plugin: &str) -> String {
    let caches = workdir.path().join(caches);
    let output = workdir.command(&["inspect", plugin, "-v"]).env("XDG_CACHE_HOME", caches).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    stderr
}

#[test]
fn a_plugin_is_compiled_by_another_process() {
    let workdir = workdir();
    // The first process compiles nothing itself, although nothing was cached before.
    let stderr = inspect(&workdir, "caches", "currencies.wasm");
    assert!(
        stderr.contains("currencies.wasm: this process has read 1 plugins from its cache and compiled 0"),
        "{stderr}"
    );
    let kept = workdir.path().join("caches/kiwi-host/compiled/modules");
    assert_eq!(fs::read_dir(kept).unwrap().count(), 1, "one version of wasmtime");
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    let workdir = workdir();
    let caches = workdir.path().join("caches");
    fs::create_dir_all(caches.join("kiwi-host/compiled")).unwrap();
    fs::set_permissions(caches.join("kiwi-host"), Permissions::from_mode(0o777)).unwrap();
    let stderr = inspect(&workdir, "caches", "currencies.wasm");
    assert!(stderr.contains("kiwi-host can be written by others"), "{stderr}");
    assert!(stderr.contains("this process has read 1 plugins from its cache and compiled 0"), "{stderr}");
    assert_eq!(fs::read_dir(caches.join("kiwi-host/compiled")).unwrap().count(), 0, "nothing was written there");
}

/// 350 KB that take the compiler gigabytes. The test has it end at 1.2 GB, to be done sooner.
#[test]
fn what_takes_too_much_to_compile_is_refused() {
    let workdir = WorkDir::new();
    fs::write(workdir.path().join("huge.wasm"), hostile_component()).unwrap();
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_kiwi-host");
    command.args(["-c", "ulimit -v 1200000; exec \"$0\" inspect huge.wasm", program]).current_dir(workdir.path());
    let output = command.env("XDG_CACHE_HOME", workdir.path()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    assert!(stderr.contains("compiling it takes more than 3 GiB of memory: expected a smaller component"), "{stderr}");
}

#[test]
fn what_is_not_a_component_is_told_by_the_compiler() {
    let workdir = WorkDir::new();
    let whole = fs::read(guest("echo")).unwrap();
    fs::write(workdir.path().join("half.wasm"), &whole[..whole.len() / 2]).unwrap();
    let output = workdir.run(&["inspect", "half.wasm"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("it is damaged or cut off: expected a whole component"), "{stderr}");
}

/// The process inherits nothing that it does not need, and answers nothing but its input.
#[test]
fn the_compiler_is_a_program_of_its_own() {
    let run = |input: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwi-host"));
        command.arg("compile-plugin").env_clear().stdin(input).output().unwrap()
    };
    assert!(run(fs::File::open(guest("echo")).unwrap().into()).status.success());
    assert_eq!(run(Stdio::null()).status.code(), Some(65));
}

#[test]
fn a_file_name_that_is_no_cache_name_is_inspected_all_the_same() {
    let workdir = workdir();
    fs::rename(workdir.path().join("currencies.wasm"), workdir.path().join("My Currencies (v2).wasm")).unwrap();
    let output = workdir.run(&["inspect", "My Currencies (v2).wasm"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && stdout.contains("kiwi:loader/loader@0.1.1"), "{stdout}");
    assert!(stdout.contains("name its cache in kiwi.toml, for example `[cache.My-Currencies--v2]`"), "{stdout}");
}

/// A component with one function of 20,000 variables and as many loops within a loop that sets all of them: the compiler
/// gives each loop a parameter for each variable.
fn hostile_component() -> Vec<u8> {
    const MANY: usize = 20_000;
    let inner = (1..=MANY)
        .flat_map(|local| [&[0x03, 0x40, 0x20, 0, 0x0d, 0, 0x20][..], &leb(local), &[0x21, 0, 0x0b]].concat());
    let sets = (1..=MANY).flat_map(|local| [&[0x20, 0, 0x21][..], &leb(local)].concat());
    let locals = [&[1][..], &leb(MANY), &[0x7f]].concat();
    let body = [&locals[..], &[0x03, 0x40], &inner.collect::<Vec<u8>>(), &sets.collect::<Vec<u8>>()].concat();
    let body = [&body[..], &[0x20, 0, 0x0d, 0, 0x0b, 0x0b]].concat();
    let code = section(10, &[&[1][..], &leb(body.len()), &body].concat());
    let types = section(1, &[1, 0x60, 1, 0x7f, 0]);
    let module = [&b"\0asm\x01\0\0\0"[..], &types, &section(3, &[1, 0]), &code].concat();
    [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(content.len()), content].concat()
}

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}
