//! Answers of a server, read by the loader itself.

use kiwi_loader::Setting;
use kiwi_loader::testing::{Host, Response, json};
use serde_json::Value;

use super::*;

const URL: &str = "https://example.com/rates";

fn host(settings: Value) -> Host {
    let mut all = json!({ "url": URL });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    Host::new().settings(all)
}

fn keys(host: &Host) -> Vec<String> {
    host.load(load_from_source).unwrap().into_entries().expect("it was loaded").into_keys().collect()
}

fn failure(host: &Host) -> Error {
    host.load(load_from_source).unwrap_err()
}

#[test]
fn a_document_that_has_not_changed_is_not_loaded_again() {
    let rates = || Response::json(json!({ "USD": 1.105 })).header("etag", "v1");
    let host = host(json!({ "headers": { "x-team": "ops" } }));
    let host = host.get(URL, rates()).get(URL, Response::status(304));
    assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap()["USD"], 1.105);
    assert!(host.load(load_from_source).unwrap().is_unchanged());
    let conditions: Vec<_> =
        host.requests().iter().map(|request| request.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(conditions, [None, Some("v1".into())]);
    assert_eq!(host.requests()[1].header("x-team"), Some("ops"));
}

#[test]
fn a_status_that_is_not_success_is_an_error() {
    let failure = |status| failure(&host(json!({})).get(URL, Response::status(status)));
    assert!(failure(503).is_unavailable());
    assert!(failure(429).is_unavailable());
    assert!(failure(403).is_denied());
    assert_eq!(failure(204).to_string(), "expected the status 200, the server answered 204");
    assert_eq!(failure(304).to_string(), "expected the status 200, the server answered 304", "it was not asked for");
}

#[test]
fn a_page_instead_of_the_document_is_unavailable() {
    for (format, name) in [("json", "JSON"), ("ndjson", "NDJSON"), ("csv", "CSV")] {
        let page = Response::text("<!DOCTYPE html>\n<h1>Back soon</h1>").header("content-type", "text/html");
        let url = format!("{URL}?key=s3cret");
        let error = failure(&host(json!({ "url": url, "format": format, "key": "iata" })).get(&url, page));
        assert!(error.is_unavailable(), "{error:?}");
        let expected = format!(
            "{URL}: expected {name}, got text/html (status 200), which begins with `<!DOCTYPE html> <h1>Back soon</h1>`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn the_operator_sees_the_settings_and_the_grant() {
    let expected = Description::new("The rows of a JSON, NDJSON or CSV document, or of its pages, fetched by HTTP.")
        .setting(
            Setting::text("url", "Where to get it, by `http` or `https`.")
                .required(),
        )
        .setting(Setting::text("format", "`json`, `ndjson` or `csv`.").default_value("json"))
        .settings::<RowSettings>()
        .setting(Setting::text("method", "`GET` or `POST`.").default_value("GET"))
        .setting(Setting::table(
            "headers",
            "Headers to send: names and values, in which `${secret:NAME}` stands for a secret of the host.",
        ))
        .setting(Setting::any("body", "What to send with `POST`: a text, or a table, which is sent as JSON."))
        .setting(Setting::text(
            "timeout",
            "The longest wait for the server's answer, and again for each piece of it, such as `10s`; not set: the host's.",
        ))
        .setting(Setting::any(
            "pages",
            "How the pages follow each other: `\"link\"` (the header `Link`), `{ cursor = \"/meta/next\", parameter = \
             \"cursor\" }`, `{ cursor = \"/next\" }` (a URL), or `{ number = \"page\", first = 1 }`; not set: there is \
             one page.",
        ))
        .setting(Setting::integer("max_pages", "How many pages there may be.").default_value(1000));
    assert_eq!(Host::new().run(describe), expected);
    let expected = expected.grant(Grant::http("https://example.com", "to get `url`"));
    assert_eq!(Host::new().settings(json!({ "url": URL })).run(describe), expected);
    let headers = json!({ "x-key": "${secret:key}", "authorization": "Bearer ${secret:token}", "accept": "*/*" });
    let configured = Host::new().settings(json!({ "url": URL, "headers": headers })).run(describe);
    let secret = |name: &str| Grant::secret(name, "to send `headers`");
    assert_eq!(configured, expected.grant(secret("key")).grant(secret("token")));
}

#[test]
fn a_post_has_its_body_and_no_condition() {
    let answer = || Response::json(json!({ "FR": 1 })).header("etag", "v1");
    let body = json!({ "query": "{ countries }" });
    for (body, headers, sent, content_type) in [
        (body.clone(), json!({}), body.to_string(), Some("application/json")),
        (body.clone(), json!({ "Content-Type": "x/y" }), body.to_string(), Some("x/y")),
        (json!("<a/>"), json!({}), "<a/>".to_owned(), None),
    ] {
        let host = host(json!({ "method": "POST", "body": body, "headers": headers })).post(URL, answer());
        assert_eq!((keys(&host), keys(&host)), (vec!["FR".to_owned()], vec!["FR".to_owned()]));
        let requests = host.requests();
        assert_eq!(requests[0].body.as_deref(), Some(sent.as_bytes()));
        assert_eq!(requests[1].header("content-type"), content_type);
        assert_eq!((requests[1].header("if-none-match"), host.mark()), (None, None));
    }
}

#[test]
fn pages_follow_each_other_by_links() {
    let second = format!("{URL}?page=2");
    let host = host(json!({ "key": "id", "pages": "link" }))
        .get(URL, Response::json([json!({ "id": 1 })]).header("link", "<?page=2>; rel=\"next\"").header("etag", "v1"))
        .get(&second, Response::json([json!({ "id": 2 })]).header("link", "</rates>; rel=\"first\""));
    assert_eq!(keys(&host), ["1", "2"]);
    assert_eq!(host.mark(), None, "the first page says nothing about the second");
    assert_eq!(keys(&host), ["1", "2"]);
}

#[test]
fn pages_follow_each_other_by_a_cursor() {
    let settings =
        json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/meta/next", "parameter": "after" } });
    let page = |id: u32, next: Value| Response::json(json!({ "meta": { "next": next }, "rows": [{ "id": id }] }));
    let host = host(settings)
        .get(URL, page(1, json!("a b")))
        .get(&format!("{URL}?after=a%20b"), page(2, json!(7)))
        .get(&format!("{URL}?after=7"), page(3, json!(null)));
    assert_eq!(keys(&host), ["1", "2", "3"]);
}

#[test]
fn pages_follow_each_other_by_urls() {
    let page = |id: u32, next: Value| Response::json(json!({ "next": next, "rows": [{ "id": id }] }));
    let host = host(json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/next" } }))
        .get(URL, page(1, json!("https://EXAMPLE.com:443/more")))
        .get("https://EXAMPLE.com:443/more", page(2, json!("")));
    assert_eq!(keys(&host), ["1", "2"]);
}

#[test]
fn pages_are_numbered_until_one_is_empty() {
    let url = format!("{URL}?limit=2&page=9");
    let page = |number: u32| format!("{URL}?limit=2&page={number}");
    let host = host(json!({ "url": url, "format": "csv", "key": "id", "pages": { "number": "page", "first": 0 } }))
        .get(&page(0), Response::text("id\nA\nB\n").header("etag", "v1"))
        .get(&page(1), Response::text("id\nC\n"))
        .get(&page(2), Response::text("id\n"));
    assert_eq!(keys(&host), ["A", "B", "C"]);
    assert_eq!(host.requests().len(), 3);
    assert_eq!(host.mark(), None);
}

#[test]
fn the_only_page_is_validated_where_it_says_that_it_is_the_only_one() {
    let only = Response::json(json!({ "rows": [{ "id": 1 }], "next": null })).header("etag", "v1");
    let host = host(json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/next" } }))
        .get(URL, only)
        .get(URL, Response::status(304));
    assert_eq!(keys(&host), ["1"]);
    assert_eq!(host.mark().as_deref(), Some("etag v1"));
    assert!(host.load(load_from_source).unwrap().is_unchanged());
}

#[test]
fn a_server_that_does_not_move_on_is_an_error() {
    let rows = |id: u32| json!({ "rows": [{ "id": id }], "next": "b" });
    let cursor = host(json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/next", "parameter": "after" } }))
        .get(URL, Response::json(rows(1)))
        .get(&format!("{URL}?after=b"), Response::json(rows(2)));
    let link = host(json!({ "key": "id", "pages": "link" }))
        .get(URL, Response::json([json!({ "id": 1 })]).header("link", &format!("<{URL}>; rel=next")));
    let number = host(json!({ "key": "id", "pages": { "number": "page" } }))
        .get(&format!("{URL}?page=1"), Response::json([json!({ "id": 1 })]))
        .get(&format!("{URL}?page=2"), Response::json([json!({ "id": 1 })]));
    for (host, page, again) in [(cursor, 3, 2), (link, 2, 1), (number, 2, 1)] {
        let expected =
            format!("page {page}: it is the same as page {again}, so the server does not advance: correct `pages`");
        assert_eq!(failure(&host).to_string(), expected);
    }
}

#[test]
fn there_are_only_so_many_pages() {
    let settings = json!({ "key": "id", "pages": { "number": "page" }, "max_pages": 2 });
    let host = host(settings)
        .get(&format!("{URL}?page=1"), Response::json([json!({ "id": 1 })]))
        .get(&format!("{URL}?page=2"), Response::json([json!({ "id": 2 })]));
    let expected = "there are more than 2 pages: raise `max_pages`, or correct `pages`";
    assert_eq!(failure(&host).to_string(), expected);
}

#[test]
fn another_server_is_not_given_the_headers() {
    for next in ["https://evil.example/rates", "http://example.com/rates", "//example.com.evil.example/"] {
        let host = host(json!({ "key": "id", "pages": "link", "headers": { "authorization": "s3cret" } }))
            .get(URL, Response::json([json!({ "id": 1 })]).header("link", &format!("<{next}>; rel=next")));
        let error = failure(&host);
        assert!(error.is_denied() && error.to_string().contains("and not on https://example.com: "), "{error:?}");
        assert_eq!(host.requests().len(), 1);
    }
}

#[test]
fn an_error_of_a_page_has_its_number_and_keeps_its_kind() {
    let first = || Response::json(json!({ "rows": [{ "id": 1 }], "next": "b" }));
    let settings = json!({ "key": "id", "pointer": "/rows", "pages": { "cursor": "/next", "parameter": "after" } });
    let after =
        |second: Response| failure(&host(settings.clone()).get(URL, first()).get(&format!("{URL}?after=b"), second));
    let busy = after(Response::status(429));
    assert!(busy.is_unavailable() && busy.to_string().starts_with("page 2: "), "{busy:?}");
    let bad = after(Response::json(json!({ "rows": [{ "id": 2 }, { "id": 1 }], "next": null }))).to_string();
    assert!(bad.starts_with("page 2: row 2: the key `1` is also in row 1 of page 1: "), "{bad}");
    let odd = after(Response::json(json!({ "rows": [], "next": {} }))).to_string();
    assert_eq!(odd, "page 2: what is at `/next` is not a text or a number: correct `pages`");
}

#[test]
fn a_cursor_that_is_nowhere_is_reported() {
    let host =
        host(json!({ "key": "id", "pages": { "cursor": "/nxt" } })).get(URL, Response::json([json!({ "id": 1 })]));
    assert_eq!(keys(&host), ["1"]);
    assert!(host.log()[0].message.contains("the first page has nothing at `/nxt`"), "{:?}", host.log());
}
