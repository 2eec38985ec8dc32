//! Fuzzing: whatever stands in a kiwi.toml, it is read, or each of its problems has a place in it.

use std::path::Path;

use super::file::Config;

/// What a byte from 128 on stands for. Below that it stands for itself.
const PIECES: &[&str] = &[
    "[cache.a]\nplugin = \"p.wasm\"\n",
    "[cache.\"b c\"]\n",
    "[cache.b.limits]\n",
    "[[cache.a]]\n",
    "[defaults]\n",
    "[statsd]\n",
    "[secrets]\n",
    "[auth.a]\n",
    "[http]\n",
    "a = { env = ",
    "a = { file = ",
    "kind = \"oauth2\"\n",
    "kind = \"basic\"\n",
    "hosts = [",
    "token = ",
    "token_url = ",
    "client_secret = { env = ",
    "proxy = ",
    "no_proxy = [",
    "cert = ",
    "grants.secrets.a = [",
    "grants.auth = [\"a",
    "store = { url_env = ",
    "cache.é.plugin = ",
    "plugin = ",
    "source = \"publish\"\n",
    "store = ",
    "key_prefix = ",
    "max_loads = ",
    "statsd = ",
    "address = ",
    "reload_ttl = ",
    "cache_ttl = ",
    "refill_interval = ",
    "max_stall = ",
    "allow_empty_data = true\n",
    "min_entries = ",
    "max_shrink = ",
    "layout = ",
    "hash = false",
    "push = ",
    "record_key = ",
    "settings = { a = ",
    "settings.a.b = ",
    "grants = { http = [",
    "grants.dirs = [",
    "limits = { memory = ",
    "load_timeout = ",
    "\"5s\"",
    "\"1h\"\n",
    "\"none\"\n",
    "\"30%\"\n",
    "\"64 MiB\"",
    "\"both\"\n",
    "\"redis://u:s3cret@h/1\"\n",
    "\"file:x\"\n",
    "\"udp://h:1\"\n",
    "\"https://*.example.com\"",
    "] }\n",
    " }\n",
    ", ",
    "9223372036854775807",
    "-1\n",
    "1e400\n",
    "nan",
    "1979-05-27T07:32:00Z\n",
    "'''",
    "\"\"\"",
    "\\u00e9",
    "é",
    "\u{feff}",
    "\r\n",
    "# ",
];

#[test]
fn kiwi_toml() {
    bolero::check!().with_iterations(2_000).with_max_len(40).for_each(|input: &[u8]| {
        let piece = |byte: &u8| match byte.checked_sub(128) {
            None => char::from(*byte).to_string(),
            Some(index) => PIECES[usize::from(index) % PIECES.len()].to_owned(),
        };
        let text: String = input.iter().map(piece).collect();
        let Err(problems) = Config::parse(Path::new("kiwi.toml"), &text) else { return };
        let problems = problems.to_string();
        assert!(problems.starts_with("kiwi.toml:"), "{problems}");
        for problem in problems.lines().filter_map(|line| line.strip_prefix("kiwi.toml:")) {
            check_place(&text, problem);
        }
    });
}

/// A place is in the file, or just behind the end of a line.
fn check_place(text: &str, problem: &str) {
    let mut place = problem.splitn(3, ':').map(str::parse::<usize>);
    let (Some(Ok(line)), Some(Ok(column))) = (place.next(), place.next()) else { panic!("no place: {problem}") };
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(found) = lines.get(line.wrapping_sub(1)) else { panic!("line {line} of {}: {problem}", lines.len()) };
    assert!((1..=found.chars().count() + 1).contains(&column), "{problem}\n{found}");
}
