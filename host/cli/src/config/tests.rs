use std::path::Path;
use std::time::Duration;

use kiwi_host::{DatabaseTls, DatabaseUrl, SecretSource};
use kiwi_store::{Layout, Push, Ttl};

use super::file::Config;
use super::statsd::Statsd;

pub(super) fn parse(text: &str) -> Config {
    Config::parse(Path::new("conf/kiwi.toml"), text).unwrap()
}

/// The problems of an invalid file, without the file's name.
pub(super) fn problems(text: &str) -> Vec<String> {
    let problems = Config::parse(Path::new("kiwi.toml"), text).unwrap_err().to_string();
    problems.lines().map(|line| line.strip_prefix("kiwi.toml:").unwrap().to_owned()).collect()
}

pub(super) fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

const AIRLINES: &str = "[cache.airlines]\nplugin = \"p.wasm\"\n";

#[test]
fn a_cache_is_read_with_its_defaults_and_relative_paths() {
    let config = parse(
        r#"
            max_loads = 3
            statsd = "udp://localhost:8125"
            [defaults]
            reload_ttl = "5s"
            limits = { memory = "1 MiB", entries = 7 }
            [cache.b]
            plugin = "../p.wasm"
            cache_ttl = "none"
            layout = "hash"
            settings = { path = "x", n = 1_000, deep = { on = true, list = [1.5, "a"] } }
            grants = { dirs = ["data"], files = ["rates/eu.csv"], http = ["https://a.example"], env = ["HOME"] }
            limits = { memory = 65_536, load_timeout = "2s" }
            [cache.a]
            plugin = "/abs/q.wasm"
        "#,
    );
    let [b, a] = &config.caches[..] else { panic!("two caches, in the file's order: {:?}", config.caches) };
    assert_eq!((b.name.as_str(), a.name.as_str()), ("b", "a"));
    assert_eq!((b.plugin(), a.plugin()), (Some(Path::new("conf/../p.wasm")), Some(Path::new("/abs/q.wasm"))));
    assert_eq!((b.timing.reload_ttl, b.timing.cache_ttl), (Some(Duration::from_secs(5)), Some(Ttl::Forever)));
    assert_eq!((b.limits.memory, b.limits.entries, b.limits.load_timeout), (65_536, 7, Duration::from_secs(2)));
    assert_eq!(a.limits.memory, 1 << 20);
    assert_eq!(b.settings.to_json(), r#"{"deep":{"list":[1.5,"a"],"on":true},"n":1000,"path":"x"}"#);
    assert_eq!(b.grants.dirs[0].path, Path::new("conf/data"));
    assert_eq!(b.grants.dirs[0].guest_path, "data");
    assert_eq!(b.grants.files[0].path, Path::new("conf/rates/eu.csv"));
    assert_eq!(b.grants.files[0].guest_path, "rates/eu.csv");
    assert_eq!(config.max_loads.unwrap().get(), 3);
    assert_eq!(config.statsd, Some(Statsd { address: "localhost:8125".into(), prefix: String::new() }));
}

#[test]
fn record_key_sets_the_record_that_kiwi_cache_reads() {
    let text = "[cache.a]\nplugin = \"p\"\nlayout = \"record\"\n[cache.B]\nplugin = \"p\"\nlayout = \"both\"\nrecord_key = \"B:eu\"\n\
                [cache.c]\nplugin = \"p\"\n";
    let layouts: Vec<Layout> = parse(text).caches.into_iter().map(|cache| cache.layout).collect();
    let key = |text: &str| text.parse().unwrap();
    assert_eq!(layouts, [Layout::Record(key("a")), Layout::Both(key("B:eu")), Layout::Hash]);

    let alone = problem(&format!("{AIRLINES}record_key = \"Airlines:eu\""));
    assert!(alone.starts_with("3:14: `record_key`") && alone.contains("add `layout = \"record\"`"), "{alone}");
    let bad = problem(&format!("{AIRLINES}layout = \"record\"\nrecord_key = \":eu\""));
    assert!(bad.starts_with("4:14: cache.airlines.record_key: `:eu` "), "{bad}");
    let shared = problem(&format!(
        "{AIRLINES}layout = \"record\"\n[cache.b]\nplugin = \"p\"\nlayout = \"both\"\nrecord_key = \"airlines\""
    ));
    assert!(shared.starts_with("4:8: the caches `airlines` and `b` both write the record `airlines`"), "{shared}");
}

#[test]
fn push_says_what_announcements_carry_and_does_nothing_for_a_record() {
    let pushes = |text: &str| parse(&format!("{AIRLINES}{text}")).caches[0].push;
    assert_eq!((pushes(""), pushes("push = \"hint\"")), (Push::Hint, Push::Hint));
    assert_eq!((pushes("push = \"delta\""), pushes("push = \"delta\"\nhash = false")), (Push::Delta, Push::Delta));
    let record = problem(&format!("{AIRLINES}push = \"delta\"\nlayout = \"both\""));
    assert!(record.starts_with("3:8: `push = \"delta\"` has no effect with a record"), "{record}");
    let unknown = problem(&format!("{AIRLINES}push = \"all\""));
    assert!(unknown.contains("`all` is not valid (expected `hint`, the default, or `delta`)"), "{unknown}");
}

#[test]
fn a_cache_that_is_published_by_the_command_has_no_plugin() {
    let config = parse(
        "[defaults]\nreload_ttl = \"5s\"\n[cache.b]\nplugin = \"p\"\n[cache.rates]\nsource = \"publish\"\nmin_entries = 3\n\
         layout = \"both\"\nlimits = { value_bytes = \"200 MiB\" }\n",
    );
    let names =
        |caches: &[kiwi_host::CacheConfig]| caches.iter().map(|cache| cache.name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(&config.caches), names(&config.published)), (vec!["b".to_owned()], vec!["rates".to_owned()]));
    let rates = &config.published[0];
    assert_eq!((rates.guards.min_entries, rates.timing.reload_ttl), (Some(3), Some(Duration::from_secs(5))));
    assert_eq!(rates.layout, Layout::Both("rates".parse().unwrap()));
    assert!(config.has(&"rates".parse().unwrap()));

    let found = problems(
        "[cache.rates]\nsource = \"publish\"\nplugin = \"p\"\nsettings = { a = 1 }\ngrants = { env = [\"A\"] }\n\
         limits = { memory = \"1 MiB\", value_bytes = \"1 KiB\" }\n[cache.b]\nsource = \"stdin\"\n[cache.c]\n\
         source = \"publish\"\nrefill_interval = \"1h\"\nlayout = \"record\"\nrecord_key = \"B\"\n[cache.d]\n\
         source = \"publish\"\nlayout = \"record\"\nrecord_key = \"B\"\n",
    );
    let starts = [
        "3:10: `plugin` contradicts `source = \"publish\"`: remove",
        "4:12: `settings` has no effect with `source = \"publish\"`, because no plugin loads this cache: remove it",
        "5:10: `grants` has no effect",
        "6:21: `limits.memory` has no effect",
        "8:10: cache.b.source: `stdin` is not valid (expected `publish`, or no `source`",
        "9:8: cache `c`: `cache_ttl` (10m) is shorter than `refill_interval` (1h)",
        "14:8: the caches `c` and `d` both write the record `B`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn guards_are_read_with_their_defaults() {
    let config = parse(
        r#"
            [defaults]
            min_entries = 100
            max_shrink = "30%"
            [cache.a]
            plugin = "p.wasm"
            min_entries = 0
            [cache.b]
            plugin = "p.wasm"
            max_shrink = "12.5%"
        "#,
    );
    let guards = |min_entries, max_shrink: &str| kiwi_host::Guards {
        min_entries: Some(min_entries),
        max_shrink: Some(max_shrink.parse().unwrap()),
    };
    let read: Vec<_> = config.caches.iter().map(|cache| cache.guards).collect();
    assert_eq!(read, [guards(0, "30%"), guards(100, "12.5%")]);
    let too_much = problem(&format!("{AIRLINES}max_shrink = \"130%\""));
    assert!(too_much.starts_with("3:14: cache.airlines.max_shrink: `130%` is "), "{too_much}");
    assert_eq!(
        problem(&format!("{AIRLINES}max_shrink = 30")),
        "3:14: cache.airlines.max_shrink: expected a percentage such as `30%`, found 30"
    );
    assert_eq!(
        problem(&format!("{AIRLINES}min_entries = -1")),
        "3:15: cache.airlines.min_entries: expected a whole number that is not negative, found -1"
    );
}

#[test]
fn an_unknown_key_is_an_error_with_its_position_and_the_most_similar_known_key() {
    assert_eq!(problem("stor = \"file:x\""), "1:1: unknown key `stor`: did you mean `store`?");
    assert_eq!(
        problem(&format!("{AIRLINES}  reload_tll = \"1s\"")),
        "3:3: cache.airlines: unknown key `reload_tll`: did you mean `reload_ttl`?"
    );
    assert_eq!(
        problem(&format!("{AIRLINES}grants = {{ zzz = [] }}")),
        "3:12: cache.airlines.grants: unknown key `zzz`: expected one of `http`, `dirs`, `files`, `env`, `connections`, \
         `secrets`, `auth`"
    );
    assert_eq!(
        problem(&format!("{AIRLINES}limits = {{ memroy = 1 }}")),
        "3:12: cache.airlines.limits: unknown key `memroy`: did you mean `memory`?"
    );
    assert_eq!(
        problem("[defaults]\nplugin = \"x\"").split(':').nth(3),
        Some(" unknown key `plugin`"),
        "a default that only a cache may have"
    );
}

#[test]
fn a_size_needs_a_unit_if_it_is_small_and_must_be_able_to_work() {
    let limits = |limits: &str| problem(&format!("{AIRLINES}limits = {{ {limits} }}"));
    assert_eq!(
        limits("memory = 64"),
        "3:21: cache.airlines.limits.memory: 64 without a unit is 64 bytes: did you mean `64 MiB`?"
    );
    assert_eq!(
        limits("value_bytes = \"100\""),
        "3:26: cache.airlines.limits.value_bytes: 100 without a unit is 100 bytes: did you mean `100 KiB`? If not, write \
         `100 B`."
    );
    assert!(limits("memory = \"4 KiB\"").ends_with("expected a size from 64.0 KiB to 4.0 GiB, found 4.0 KiB"));
    assert!(limits("memory = \"8 GiB\"").ends_with("expected a size from 64.0 KiB to 4.0 GiB, found 8.0 GiB"));
    assert!(limits("memory = true").ends_with("expected a size such as `64 MiB`, found a boolean"));
    for (too_large, other) in
        [("value_bytes = \"200 MiB\"", "hostcall_bytes"), ("hostcall_bytes = \"64 KiB\"", "hostcall_bytes")]
    {
        let said = limits(too_large);
        assert!(said.contains("`value_bytes` (") && said.contains(&format!("is larger than `{other}`")), "{said}");
    }
    parse(&format!("{AIRLINES}limits = {{ value_bytes = \"100 B\", log_bytes = 4096, total_bytes = \"64 KiB\" }}"));
}

#[test]
fn every_grant_that_is_not_valid_is_reported_at_its_place() {
    let found = problems(&format!("{AIRLINES}grants.http = [\"a.example\", \"https://b.example\", \"c\"]"));
    let starts = ["3:16: cache.airlines.grants.http: `a.example` is", "3:50: cache.airlines.grants.http: `c` is"];
    assert!(found.len() == 2 && found.iter().zip(starts).all(|(found, start)| found.starts_with(start)), "{found:#?}");
}

#[test]
fn a_duration_without_a_unit_is_an_error_with_the_likely_one() {
    assert_eq!(
        problem(&format!("{AIRLINES}reload_ttl = 60")),
        "3:14: cache.airlines.reload_ttl: expected a duration such as `5m`, found 60: did you mean `\"60s\"`?"
    );
}

#[test]
fn a_key_in_the_wrong_table_is_an_error_that_says_where_it_belongs() {
    for (text, said) in [
        ("memory = \"64 MiB\"", "cache.airlines: unknown key `memory`: did you mean `limits.memory`?"),
        ("dirs = [\"data\"]", "cache.airlines: unknown key `dirs`: did you mean `grants.dirs`?"),
        (
            "store = \"file:x\"",
            "cache.airlines: unknown key `store`: it belongs at the top of the file, above the first table",
        ),
        (
            "limits = { reload_ttl = \"1s\" }",
            "cache.airlines.limits: unknown key `reload_ttl`: it belongs in `[cache.NAME]`",
        ),
        (
            "url = \"https://a.example\"",
            "`layout`, `hash`, `record_key`, `push`; a setting of the plugin belongs in `settings`",
        ),
        ("grants = { memory = 1 }", "cache.airlines.grants: unknown key `memory`: it belongs in `limits`"),
    ] {
        let found = problem(&format!("{AIRLINES}{text}"));
        assert!(found.ends_with(said), "{found}");
    }
}

#[test]
fn all_problems_of_a_file_are_reported_in_order() {
    let text =
        "[cache.a]\nreload_ttl = \"soon\"\n[cache.\"b c\"]\nplugin = 1\n[cache.d]\nplugin = \"x\"\nlayout = \"twin\"\n";
    let found = problems(text);
    let starts = [
        "1:8: cache.a: `plugin` is missing (expected ",
        "2:14: cache.a.reload_ttl: `soon` is ",
        "3:8: `b c` ",
        "7:10: cache.d.layout: `twin` is not a valid layout (expected `hash`, the default, `record` or `both`)",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn two_caches_with_the_same_name_are_an_error() {
    assert_eq!(
        problem(&format!("{AIRLINES}[cache.airlines]\nplugin = \"q.wasm\"")),
        "3:8: a second cache named `airlines`: each cache needs a name of its own"
    );
}

#[test]
fn a_cache_ttl_shorter_than_reload_ttl_is_an_error() {
    let said = problem(&format!("{AIRLINES}reload_ttl = \"2m\"\ncache_ttl = \"1m\""));
    assert!(said.starts_with("4:13: cache `airlines`: `cache_ttl` (1m) is shorter than `reload_ttl` (2m)"), "{said}");
}

#[test]
fn values_of_the_wrong_type_are_errors_that_do_not_show_them() {
    for (line, said) in [
        ("max_loads = 0", "1:13: max_loads: expected a whole number from 1 to 1024, found 0"),
        ("max_loads = \"x\"", "1:13: max_loads: expected a whole number from 1 to 1024, found a string"),
        ("cache = 1", "1:9: cache: expected a table, found 1"),
        ("[cache]\na = 1", "2:5: cache.a: expected a table, found 1"),
        ("store = 1", "1:9: store: expected a string, `{ url_env = \"NAME\" }` or `{ url_file = \"PATH\" }`, found 1"),
    ] {
        assert_eq!(problem(line), said);
    }
    let said = problem(&format!("{AIRLINES}settings = {{ token = \"s3cret\", n = nan }}"));
    assert_eq!(said, "3:12: cache.airlines.settings: n: expected a number that JSON can represent");
    let said = problem(&format!("{AIRLINES}settings = {{ token = \"s3cret\", \"x y = 1 }}"));
    assert!(!said.contains("s3cret"), "{said}");
    let said = problem(&format!("{AIRLINES}limits = {{ key_bytes = 512 }}"));
    assert!(said.ends_with("key_bytes: expected a whole number from 1 to 511, found 512"), "{said}");
}

#[test]
fn statsd_is_an_address_or_a_table() {
    let config = parse("[statsd]\naddress = \"udp://h:1\"\nprefix = \"eu\"");
    assert_eq!(config.statsd, Some(Statsd { address: "h:1".into(), prefix: "eu".into() }));
    for bad in ["tcp://h:1", "udp://h", "udp://:1", "udp://h:0", "h:1"] {
        let said = problem(&format!("statsd = \"{bad}\""));
        assert!(said.contains("is not a valid statsd address (expected `udp://HOST:PORT`"), "{said}");
    }
    assert!(problem("[statsd]\nprefix = \"eu\"").contains("`address` is missing"));
}

#[test]
fn a_connection_is_read_and_its_url_is_never_shown() {
    let config = parse(
        r#"
            [connections.shop]
            url = "sqlite:data/shop.db"
            [connections.erp]
            url_env = "ERP_URL"
            password_file = "secrets/erp"
            ca = "ca.pem"
            max_connections = 5
            timeout = "3s"
            [cache.a]
            plugin = "p.wasm"
            grants = { connections = ["erp", "shop"] }
        "#,
    );
    let [erp, shop] = &config.caches[0].grants.connections[..] else { panic!("{:?}", config.caches) };
    assert_eq!(shop.url, DatabaseUrl::Plain("sqlite:conf/data/shop.db".into()));
    assert_eq!(erp.url, DatabaseUrl::Secret(SecretSource::Env("ERP_URL".into())));
    assert_eq!(erp.password, Some(SecretSource::File("conf/secrets/erp".into())));
    assert_eq!((erp.max_connections.get(), erp.timeout), (5, Some(Duration::from_secs(3))));
    assert_eq!(erp.tls, DatabaseTls::VerifyFull { ca: Some("conf/ca.pem".into()), client: None });

    let text = "[connections.x]\nurl = \"postgres://u:s3cret@h/d\"\n";
    assert!(!format!("{:?}", parse(text)).contains("s3cret"));
    let wrong = problem("[connections.x]\nurl = \"oracle://u:s3cret@h/d\"\n");
    assert!(wrong.contains("postgres://USER@HOST/DATABASE") && !wrong.contains("s3cret"), "{wrong}");
}

#[test]
fn what_contradicts_itself_in_a_connection_is_reported() {
    let of = |lines: &str| problem(&format!("[connections.x]\n{lines}\n"));
    let url = "url = \"sqlite:a\"\n";
    assert!(of("").contains("`url` is missing"));
    assert!(of(&format!("{url}url_env = \"U\"")).contains("found `url` and `url_env`"));
    assert!(of(&format!("{url}cert = \"c\"")).contains("`cert` needs `key`"));
    assert!(of(&format!("{url}tls = \"off\"\nca = \"c\"")).contains("have no effect"));
    assert!(of(&format!("{url}tls = \"prefer\"")).contains("expected `verify-full`"));
    assert!(of(&format!("{url}password_env = \"A\"\npassword_file = \"b\"")).contains("found both"));
    assert!(problem("[connections.\"a b\"]\nurl = \"sqlite:a\"\n").contains("not a valid name of a connection"));
    let unknown =
        "[connections.shop]\nurl = \"sqlite:a\"\n[cache.c]\nplugin = \"p\"\ngrants = { connections = [\"shp\"] }\n";
    assert!(problem(unknown).contains("there is no connection `shp`: did you mean `shop`?"));
}
