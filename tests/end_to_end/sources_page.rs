//! docs/sources.md: each kiwi.toml of the page is run, with real data and a server on this machine.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::redis_server::RedisServer;
use crate::support::{Asked, Reply, WebServer, WorkDir, page, python, repository};

/// A directory with the kiwi.toml of one section.
fn workdir(section: usize, redis: &RedisServer, api: &str) -> WorkDir {
    let blocks = page("docs/sources.md").blocks("toml");
    assert_eq!(blocks.len(), 2, "the sections that the tests know");
    let config = blocks[section].replace("redis://127.0.0.1:6379", &redis.url());
    let workdir = WorkDir::with(&config.replace("https://api.example.com", api));
    symlink(repository().join("plugins"), workdir.path().join("plugins")).unwrap();
    workdir
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn published(workdir: &WorkDir, cache: &str) -> BTreeMap<String, Value> {
    let dump = workdir.run(&["dump", cache, "--format", "json"]).expect(0).stdout;
    let dump: Value = serde_json::from_str(&dump).unwrap();
    serde_json::from_value(dump["entries"].clone()).unwrap()
}

#[test]
fn the_files_of_the_page_are_loaded() {
    let redis = RedisServer::start();
    let workdir = workdir(0, &redis, "");
    std::fs::create_dir_all(workdir.path().join("data/shops")).unwrap();
    // Not as a link: a granted file may not lead out of its directory.
    let airports = python("import airportsdata, os; print(os.path.dirname(airportsdata.__file__))");
    std::fs::copy(Path::new(airports.trim()).join("airports.csv"), workdir.path().join("data/airports.csv")).unwrap();
    let shop = |country, number, open| json!({ "address": { "country": country }, "number": number, "open": open });
    let days = [
        ("1", vec![shop("FR", 17, true), shop("FR", 18, false), shop("IT", 1, true)]),
        ("2", vec![shop("DE", 17, true)]),
    ];
    for (day, shops) in days {
        let lines: String = shops.iter().map(|shop| format!("{shop}\n")).collect();
        std::fs::write(workdir.path().join(format!("data/shops/{day}.ndjson.gz")), gzip(&lines)).unwrap();
    }
    workdir.run(&["check"]).expect(0);
    let log = workdir.run(&["run", "--once", "-v"]).expect(0).stderr;

    let shops = published(&workdir, "shops");
    assert_eq!(shops.keys().collect::<Vec<_>>(), ["DE-17", "FR-17"]);
    let again = workdir.run(&["refill", "shops"]).expect(0).stdout;
    assert!(again.contains("shops: unchanged"), "{again}");

    // Python reads the same file.
    let fields = "'name', 'country', 'elevation', 'lat', 'lon'";
    let line = format!(
        "import airportsdata, json; print(json.dumps({{code: {{name: airport[name] for name in ({fields})}} \
         for code, airport in airportsdata.load('IATA').items()}}))"
    );
    let expected: BTreeMap<String, Value> = serde_json::from_str(&python(&line)).unwrap();
    let airports = published(&workdir, "airports");
    assert!(expected.len() > 7_000 && airports.keys().eq(expected.keys()), "{} airports", airports.len());
    for (code, expected) in &expected {
        for (name, expected) in expected.as_object().unwrap() {
            let found = &airports[code][name];
            let is_same = match expected.as_f64() {
                Some(number) => found.as_f64() == Some(number),
                None => found == expected,
            };
            assert!(is_same, "{code}, {name}: {found} instead of {expected}");
        }
    }
    let rows = python("import airportsdata; print(len(airportsdata.load('ICAO')))").trim().parse::<usize>().unwrap();
    let skipped =
        format!("{} rows without a key were skipped; the first: data/airports.csv, line 2", rows - expected.len());
    assert!(log.contains(&skipped), "{skipped}: {log}");
}

/// The API of the page.
fn api(asked: &Asked) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    match path {
        "/rates.csv.gz" if asked.header("if-none-match") == Some("\"1\"") => Reply { status: 304, ..Reply::body("") },
        "/rates.csv.gz" => Reply {
            headers: vec![("ETag", "\"1\"".to_owned()), ("Content-Type", "application/gzip".to_owned())],
            ..Reply::body(gzip("currency,rate\nUSD,1.1050\nJPY,\n"))
        },
        "/countries" => {
            let page: u32 = asked.parameter("after").map_or(0, |after| after.parse().unwrap());
            let next = (page < 2).then_some(page + 1);
            let countries = ["Chad", "Fiji", "Peru"].map(|name| json!({ "name": { "common": name }, "page": page }));
            Reply::body(json!({ "data": [countries[page as usize]], "meta": { "next": next } }).to_string())
        }
        "/search" => {
            let page: u32 = asked.parameter("page").unwrap().parse().unwrap();
            let cities = if page < 4 { vec![json!({ "id": page })] } else { Vec::new() };
            Reply::body(json!(cities).to_string())
        }
        _ => Reply { status: 404, ..Reply::body("") },
    }
}

#[test]
fn the_api_of_the_page_is_loaded() {
    let (redis, server) = (RedisServer::start(), WebServer::start(api));
    let workdir = workdir(1, &redis, &server.origin());
    workdir.run(&["check"]).expect(0);
    workdir.run(&["run", "--once"]).expect(0);

    let usd: String = redis.command(&["HGET", "kiwi:{rates}", "USD"]).unwrap();
    assert_eq!(usd, r#"{"currency":"USD","rate":1.1050}"#, "the digits are kept");
    assert_eq!(published(&workdir, "rates")["JPY"]["rate"], Value::Null);
    assert_eq!(published(&workdir, "countries").keys().collect::<Vec<_>>(), ["Chad", "Fiji", "Peru"]);
    assert_eq!(published(&workdir, "cities").keys().collect::<Vec<_>>(), ["1", "2", "3"]);

    let asked = server.asked();
    let of = |path: &str| asked.iter().filter(|asked| asked.path.starts_with(path)).cloned().collect::<Vec<_>>();
    let countries: Vec<String> = of("/countries").into_iter().map(|asked| asked.path).collect();
    assert_eq!(countries, ["", "&after=1", "&after=2"].map(|after| format!("/countries?limit=100{after}")));
    assert_eq!(of("/countries")[0].header("accept"), Some("application/json"));
    let searches = of("/search");
    assert_eq!(searches.len(), 4);
    for search in searches {
        assert_eq!((search.method.as_str(), search.header("content-type")), ("POST", Some("application/json")));
        let body: Value = serde_json::from_str(&search.body).unwrap();
        assert_eq!(body, json!({ "kind": "city", "country": ["FR", "DE"] }));
    }

    let again = workdir.run(&["refill", "rates", "countries"]).expect(0).stdout;
    assert_eq!(again.matches("unchanged").count(), 2, "{again}");
    let conditions: Vec<_> =
        server.asked().iter().filter_map(|asked| asked.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(conditions, ["\"1\""], "only one document has a validator");
}
