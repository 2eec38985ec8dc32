//! Guests that spin, grow, flood and fall: each is ended by its limit, and nobody else notices.

use std::time::Duration;

use kiwi_host::{CacheConfig, FailureKind, Limits, Outcome};
use serde_json::json;
use tracing::Level;

use crate::support::{Setup, assert_failure, attack, cache, guest, loaded, log_of, name};

/// Short enough to wait for, long enough to see that the others go on.
const BRIEF: Duration = Duration::from_secs(2);

fn brief() -> Limits {
    Limits { load_timeout: BRIEF, ..Limits::default() }
}

#[tokio::test]
async fn a_trap_is_told_with_its_backtrace() {
    let failure = attack(cache("attacked", guest("trap"), json!({}))).await;
    assert_failure(&failure, FailureKind::Trap, &["the plugin trapped", "unreachable", "trap::read_the_source"]);
    let detail = failure.detail.unwrap();
    assert!(detail.contains("trap::read_the_source"), "{detail}");
}

#[tokio::test]
async fn a_panic_is_told_with_the_guests_last_words() {
    let failure = attack(cache("attacked", guest("panics"), json!({}))).await;
    let says = ["the plugin trapped: panicked at panics/src/lib.rs:11:5: row 17 is `not a number`"];
    assert_failure(&failure, FailureKind::Trap, &says);
    let detail = failure.detail.unwrap();
    assert!(detail.contains("row 17 is `not a number`") && detail.contains("panics::parse_the_row"), "{detail}");
}

/// What runtimes of other languages write when nobody catches an exception. The formats have tests of their own.
#[tokio::test]
async fn an_exception_is_told_with_the_guests_last_words() {
    let traceback = "Traceback (most recent call last):\n  File \"/0/app.py\", line 9, in compute\nKeyError: 'b'\n\n\
                     thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nPython function threw an unexpected \
                     exception\n";
    let assertion = "loading\nAssertion failed: rows > 0 (loader.c: load: 17)\n";
    let recursion = "Traceback (most recent call last):\n  File \"/0/app.py\", line 12, in deep\nRecursionError: maximum \
                     recursion depth exceeded\n";
    for (settings, kind, says) in [
        (
            json!({ "stderr": traceback }),
            FailureKind::Trap,
            "the plugin trapped: KeyError: 'b', in compute (/0/app.py:9)",
        ),
        (
            json!({ "stderr": assertion }),
            FailureKind::Trap,
            "its last line on stderr: Assertion failed: rows > 0 (loader.c",
        ),
        (json!({ "stderr": recursion }), FailureKind::Limit, "stack overflow in the plugin: RecursionError: maximum"),
        (json!({ "exit": 3 }), FailureKind::Trap, "the plugin called `exit`: expected it to return"),
        (json!({}), FailureKind::Trap, "instruction executed, in load-from-source"),
    ] {
        let failure = attack(cache("attacked", guest("last_words"), settings)).await;
        assert_failure(&failure, kind, &[says]);
        assert!(failure.message.len() < 500 && !failure.message.contains('\n'), "{failure}");
    }
}

/// 13 bytes of a name that Rust mangled stand for a megabyte, and a name may have 100,000.
#[tokio::test]
async fn a_hostile_name_of_a_function_stays_short() {
    let before = peak_memory();
    let failure = attack(cache("attacked", guest("hostile_names"), json!({}))).await;
    assert_failure(&failure, FailureKind::Trap, &["the plugin trapped", "unreachable"]);
    let detail = failure.detail.unwrap();
    assert!(detail.contains("_RMC0FGZZZ_Eu") && detail.len() < 10_000, "{} bytes: {detail}", detail.len());

    let error = Setup::new().refusal(cache("attacked", guest("hostile_names"), json!({ "describe": true }))).await;
    let text = error.to_string();
    assert!(text.contains("`describe` failed") && text.len() < 10_000, "{} bytes: {text}", text.len());
    let grown = peak_memory() - before;
    assert!(grown < 2 << 30, "its name has taken {} MiB of the host's memory", grown >> 20);
}

/// The most memory that this process has had at a time.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_load_timeout() {
    let failure = attack(CacheConfig { limits: brief(), ..cache("attacked", guest("endless_loop"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 2s", "limits.load_timeout"]);
}

#[tokio::test]
async fn endless_calls_to_the_host_end_at_the_load_timeout() {
    let attacker = cache("attacked", guest("endless_hostcall"), json!({}));
    let failure = attack(CacheConfig { limits: brief(), ..attacker }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 2s", "limits.load_timeout"]);
}

#[tokio::test]
async fn sleeping_in_the_host_ends_at_the_load_timeout() {
    let attacker = cache("attacked", guest("sleeper"), json!({ "ms": 600_000 }));
    let failure = attack(CacheConfig { limits: brief(), ..attacker }).await;
    assert_failure(&failure, FailureKind::Limit, &["longer than 2s", "limits.load_timeout"]);
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    let limits = Limits { memory: 16 << 20, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("memory_growth"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["out of memory", "more than the 16 MiB allowed", "limits.memory"]);
    let detail = failure.detail.unwrap();
    assert!(detail.contains("memory allocation of 1048576 bytes failed") && detail.contains("rust_oom"), "{detail}");
}

#[tokio::test]
async fn memory_has_its_limit_from_the_start() {
    let limits = Limits { memory: 64 << 10, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("trap"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["out of memory", "more than the 64 KiB allowed", "limits.memory"]);
}

#[tokio::test]
async fn recursion_ends_at_the_end_of_the_stack() {
    let failure = attack(cache("attacked", guest("deep_recursion"), json!({}))).await;
    assert_failure(&failure, FailureKind::Limit, &["stack overflow in the plugin", "1 MiB"]);
    let detail = failure.detail.unwrap();
    assert!(detail.contains("deep_recursion::deeper"), "{detail}");
}

/// Rust keeps a stack of its own in the guest's memory.
#[tokio::test]
async fn recursion_with_large_frames_is_told_as_what_it_is() {
    let failure = attack(cache("attacked", guest("large_frames"), json!({}))).await;
    let says = ["stack overflow in the plugin", "in large_frames::deeper", "recursion"];
    assert_failure(&failure, FailureKind::Limit, &says);
}

#[tokio::test]
async fn a_flood_of_entries_ends_at_the_number_allowed() {
    let limits = Limits { entries: 20_000, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("emit_flood"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["more than the 20000 entries", "limits.entries"]);
}

#[tokio::test]
async fn a_flood_of_entries_ends_at_the_bytes_allowed() {
    let limits = Limits { total_bytes: 100_000, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("emit_flood"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["more than the 97.7 KiB", "limits.total_bytes"]);
}

#[tokio::test]
async fn a_flood_of_entries_ends_at_the_load_timeout() {
    let attacker = cache("attacked", guest("emit_flood"), json!({}));
    let limits = Limits { entries: u64::MAX, total_bytes: u64::MAX, ..brief() };
    let failure = attack(CacheConfig { limits, ..attacker }).await;
    // What it waits for at that moment may be the store.
    assert_failure(&failure, failure.kind, &["longer than 2s", "limits.load_timeout"]);
}

#[tokio::test]
async fn a_giant_value_is_refused_by_its_key() {
    let failure = attack(cache("attacked", guest("giant_value"), json!({}))).await;
    assert_failure(&failure, FailureKind::Limit, &["`giant`", "more than the 1 MiB allowed", "limits.value_bytes"]);
}

#[tokio::test]
async fn one_call_carries_only_so_much() {
    let limits = Limits { hostcall_bytes: 1 << 20, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("giant_list"), json!({})) }).await;
    let says = ["more than the 1 MiB allowed", "in batches", "limits.hostcall_bytes"];
    assert_failure(&failure, FailureKind::Limit, &says);
}

#[tokio::test]
async fn a_giant_list_counts_as_what_it_holds() {
    let limits = Limits { entries: 399_999, ..Limits::default() };
    let failure = attack(CacheConfig { limits, ..cache("attacked", guest("giant_list"), json!({})) }).await;
    assert_failure(&failure, FailureKind::Limit, &["more than the 399999 entries", "limits.entries"]);
}

/// Floods of words are dropped, not punished: the map is as good as without them.
#[tokio::test]
async fn a_flood_of_log_lines_is_cut_off() {
    let limits = Limits { log_bytes: 20_000, ..Limits::default() };
    let setup = Setup::new();
    let flood = CacheConfig { limits, ..cache("log-flood", guest("log_flood"), json!({})) };
    let outcome = loaded(&setup, flood).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    assert_logged_at_most("log-flood", 20_000 + 2_000);
}

#[tokio::test]
async fn a_flood_on_stderr_is_cut_off() {
    let limits = Limits { log_bytes: 20_000, ..Limits::default() };
    let setup = Setup::new();
    let flood = CacheConfig { limits, ..cache("stderr-flood", guest("stderr_flood"), json!({})) };
    let outcome = loaded(&setup, flood).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    assert_logged_at_most("stderr-flood", 20_000 + 9_000);
}

fn assert_logged_at_most(cache: &str, bytes: usize) {
    let lines = log_of(&name(cache));
    let logged: usize = lines.iter().map(|line| line.message.len()).sum();
    assert!((10_000..bytes).contains(&logged), "{logged} bytes were logged");
    let told = lines.iter().filter(|line| line.level == Level::WARN && line.message.contains("limits.log_bytes"));
    assert_eq!(told.count(), 1, "the operator is told once that lines are missing");
}

#[tokio::test]
async fn what_a_guest_says_cannot_steer_a_terminal() {
    let setup = Setup::new();
    let outcome = setup.refill(cache("stdout-lines", guest("stdout_lines"), json!({}))).await;
    assert!(matches!(outcome, Outcome::Published { entries: 1, .. }), "{outcome:?}");
    let lines = log_of(&name("stdout-lines"));
    let said = |message: &str| lines.iter().find(|line| line.message == message).map(|line| line.level);
    assert_eq!(said("a line on stdout"), Some(Level::INFO), "{lines:?}");
    assert_eq!(said("a line on stderr"), Some(Level::WARN), "{lines:?}");
    assert_eq!(said(r"\u{1b}[31mred\u{1b}[0m and a carriage return\rover it"), Some(Level::INFO), "{lines:?}");
    assert_eq!(said("not \u{fffd} UTF-8"), Some(Level::INFO), "{lines:?}");
    assert_eq!(said("half and half"), Some(Level::INFO), "{lines:?}");
}

/// What a guest says of its failure goes into the store, for everybody to see.
#[tokio::test]
async fn an_error_is_one_line_and_has_an_end() {
    let message = format!("\x1b[2Jgone\nERROR all is lost{}", "x".repeat(1 << 20));
    let settings = json!({ "fail": { "kind": "other", "message": message } });
    let failure = attack(cache("attacked", guest("echo"), settings)).await;
    assert_failure(&failure, FailureKind::Other, &[r"\u{1b}[2Jgone\nERROR all is lost", "x…"]);
    assert!(failure.message.len() < 5_000, "{} bytes", failure.message.len());
}
