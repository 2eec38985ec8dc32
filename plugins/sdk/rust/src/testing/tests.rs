//! The stand-in keeps the rules of the contract, and its tests keep apart.

use std::io::BufRead;

use serde_json::json;

use super::{Host, Response};
use crate::{Error, IntoLoad, Json, Load, Setting, Settings, http, log, mark};

#[derive(Settings)]
struct Settings {
    /// Where to get it.
    url: String,
}

fn load_from_source(settings: Settings) -> Result<Vec<(String, f64)>, Error> {
    log::info!("loading");
    Ok(http::get(settings.url).query("base", "EUR").bearer_token("s3cret").send()?.json()?)
}

const URL: &str = "https://example.com/rates?base=EUR";

fn host() -> Host {
    Host::new().settings(json!({ "url": "https://example.com/rates" }))
}

#[test]
fn a_loader_runs_and_what_it_did_is_seen() {
    let host = host().get(URL, Response::json([("USD", 1.105)]));
    let entries = host.load(load_from_source).unwrap().into_entries().unwrap();
    assert_eq!(entries.into_iter().collect::<Vec<_>>(), [("USD".to_owned(), json!(1.105))]);
    let [request] = &host.requests()[..] else { panic!("{:?}", host.requests()) };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", URL));
    assert_eq!(request.header("Authorization"), Some("Bearer s3cret"));
    let [line] = &host.log()[..] else { panic!("{:?}", host.log()) };
    assert_eq!((line.level, line.message.as_str()), (log::Level::Info, "loading"));
    assert_eq!(host.mark(), None);
}

#[test]
fn an_unexpected_url_is_named_with_what_to_add() {
    let error = host().get("https://example.com/other", Response::status(200)).load(load_from_source).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no response is registered for GET {URL}: add `.get(\"{URL}\", Response::json(..))` to the test's host \
             (registered: GET https://example.com/other)"
        )
    );
}

#[test]
fn missing_settings_and_errors_of_the_server_keep_their_kinds() {
    let error = Host::new().load(load_from_source).unwrap_err();
    assert_eq!(error, Error::invalid_settings("`url` is missing"));
    let refused = Response::error(Error::denied("no grant for example.com"));
    assert_eq!(host().get(URL, refused).load(load_from_source).unwrap_err(), Error::denied("no grant for example.com"));
    let cut_off = Response::text("[[\"USD\"").then_error(Error::unavailable("connection closed"));
    let error = host().get(URL, cut_off).load(load_from_source).unwrap_err();
    assert_eq!(error, Error::unavailable("connection closed"));
    let error = host().get(URL, Response::text("<html>")).load(load_from_source).unwrap_err();
    let expected = "https://example.com/rates: expected JSON, got a body without a content type (status 200), which begins \
                    with `<html>`: expected value at line 1 column 1";
    assert_eq!(error, Error::unavailable(expected));
}

#[test]
fn responses_come_in_their_order_and_the_last_one_stays() {
    let host =
        Host::new().post("https://a.example", Response::text("1")).post("https://a.example", Response::text("2"));
    let texts = host.run(|| {
        let text = || http::post("https://a.example").json(&json!({ "a": 1 })).send()?.text();
        [text().unwrap(), text().unwrap(), text().unwrap()]
    });
    assert_eq!(texts, ["1", "2", "2"]);
    assert_eq!(host.requests()[0].body.as_deref(), Some(&b"{\"a\":1}"[..]));
    assert_eq!(host.requests()[0].header("content-type"), Some("application/json"));
}

#[test]
fn a_body_is_read_as_text_and_as_bytes_and_by_lines() {
    let host = Host::new()
        .get("https://a.example", Response::text("é\nb\n").header("ETag", "x").redirected_to("https://b.example"))
        .get("https://c.example", Response::text(*b"\xff"))
        .get("https://d.example", Response::text("\u{feff}[1]"));
    host.run(|| {
        let get = |url: &str| http::get(url).send().unwrap();
        assert_eq!(get("https://a.example").lines().map(Result::unwrap).collect::<Vec<_>>(), ["é", "b"]);
        let mut begun = get("https://a.example");
        assert_eq!((begun.header("etag").as_deref(), begun.url().as_str()), (Some("x"), "https://b.example"));
        begun.read_line(&mut String::new()).unwrap();
        assert_eq!(begun.bytes().unwrap(), b"b\n");
        let error = get("https://c.example").text().unwrap_err();
        assert_eq!(error.to_string(), "the response from https://c.example is not UTF-8: read it by `bytes`");
        assert_eq!(get("https://d.example").json::<Vec<u8>>().unwrap(), [1]);
    });
}

#[test]
fn a_mark_is_published_with_the_load_and_only_then() {
    let load = |mark: Option<&'static str>, fail| {
        move || {
            if let Some(mark) = mark {
                mark::set(mark);
            }
            if fail { Err(Error::other("no")) } else { Ok(vec![(mark::published().unwrap_or_default() + "!", 1)]) }
        }
    };
    let host = Host::new().published("0");
    let seen = |host: &Host, mark, fail| {
        host.load(load(mark, fail)).ok().and_then(Load::into_entries).map(|map| map.into_keys().next().unwrap())
    };
    assert_eq!((seen(&host, Some("1"), true), host.mark()), (None, None));
    assert_eq!((seen(&host, Some("1"), false), host.mark()), (Some("0!".into()), Some("1".into())));
    assert_eq!((seen(&host, None, false), host.mark()), (Some("1!".into()), None));
    assert_eq!(seen(&host, None, false), Some("!".into()));
}

fn refusal<T: IntoLoad>(loader: impl FnOnce() -> T) -> String {
    Host::new().load(|| Ok::<T, Error>(loader())).unwrap_err().to_string()
}

#[test]
fn what_the_host_would_refuse_is_refused() {
    assert!(refusal(|| [("", 1)]).starts_with("an entry has an empty key"));
    assert!(refusal(|| [("a", Json("nul".into()))]).contains("`a` is not JSON"));
    assert!(refusal(|| (0..3_000).map(|n| (n % 2_000, n))).starts_with("the key `0` came twice"));
    let long = || {
        mark::set(&"m".repeat(4_097));
        [("a", 1)]
    };
    assert!(refusal(long).starts_with("the mark is 4097 bytes long"));
    let unchanged = || Load::<Vec<(u8, u8)>>::Unchanged;
    assert!(refusal(unchanged).contains("no mark is published"));
    assert!(Host::new().published("1").load(|| Ok::<_, Error>(unchanged())).unwrap().is_unchanged());
}

#[test]
fn stand_ins_nest_and_end_with_their_run() {
    let (outer, inner) = (Host::new().published("outer"), Host::new().published("inner"));
    outer.run(|| {
        assert_eq!(inner.run(mark::published).as_deref(), Some("inner"));
        assert_eq!(mark::published().as_deref(), Some("outer"));
        std::thread::spawn(|| assert!(std::panic::catch_unwind(mark::published).is_err())).join().unwrap();
    });
    let without = std::panic::catch_unwind(mark::published).unwrap_err();
    assert!(without.downcast_ref::<String>().is_some_and(|text| text.contains("testing::Host")));
}

#[test]
fn a_loader_with_a_summary_describes_its_settings() {
    let summary = crate::loader::summarize(load_from_source, "Rates.");
    let expected = crate::Description::new("Rates.").setting(Setting::text("url", "Where to get it.").required());
    assert_eq!(summary, expected);
    let nothing = crate::loader::summarize(|| Ok::<_, Error>([(1, 2)]), "Two.");
    assert_eq!(nothing, crate::Description::new("Two."));
}
