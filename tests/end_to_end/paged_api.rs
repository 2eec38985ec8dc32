//! APIs with pages behind OAuth 2.0: the token ends in the middle of a load, the server asks for patience in the middle of a
//! load, and no page is given without a token. What is secret stays secret all the while.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::redis_server::RedisServer;
use crate::support::{
    Asked, Exited, Reply, Running, Secrets, TRACE, WebServer, WorkDir, encoded, everything_in, plugin,
};

const PAGES: u32 = 4;
/// Longer than the host would wait by itself after its first failure.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// One API and its clients, as its server knows them.
struct Api {
    /// The client's identifier and its secret.
    client: (&'static str, String),
    /// The tokens that it gives, one after the other.
    tokens: [String; 2],
    /// How many it has given.
    given: usize,
    has_expired: bool,
    has_asked_for_patience: bool,
    /// Each page that was asked for: its number, which token came with it, and the status of the answer.
    pages: Vec<(u32, usize, u16)>,
    /// When it asked for patience, and when the next request came.
    patience: (Option<Instant>, Option<Instant>),
}

impl Api {
    fn new(name: &'static str, secrets: &mut Secrets, [secret, first, second]: [&'static str; 3]) -> Self {
        Self {
            client: (name, secrets.add(secret)),
            tokens: [first, second].map(|token| secrets.add(token)),
            given: 0,
            has_expired: false,
            has_asked_for_patience: false,
            pages: Vec::new(),
            patience: (None, None),
        }
    }

    /// A token for its client; the one before is not valid any more.
    fn token(&mut self, asked: &Asked) -> Reply {
        let (name, secret) = &self.client;
        let is_client = asked.body.contains(&format!("client_id={name}"))
            && asked.body.ends_with(&format!("client_secret={}", encoded(secret)));
        if asked.method != "POST" || !is_client {
            return Reply { status: 401, ..Reply::body("{\"error\": \"invalid_client\"}") };
        }
        // Another process begins with the second one, too.
        self.given = (self.given + 1).min(self.tokens.len());
        let token = json!({ "access_token": self.tokens[self.given - 1], "token_type": "Bearer", "expires_in": 3600 });
        Reply::body(token.to_string())
    }

    /// A page, or why there is none.
    fn page(&mut self, asked: &Asked, rows: impl FnOnce(u32) -> Reply) -> Reply {
        let page = asked.parameter("page").map_or(1, |page| page.parse().expect("a number"));
        let sent = asked.header("authorization").and_then(|sent| sent.strip_prefix("Bearer "));
        let token = sent.and_then(|sent| self.tokens.iter().position(|token| token == sent)).map_or(0, |at| at + 1);
        let is_valid = token != 0 && token == self.given;
        if let (true, (Some(_), None)) = (is_valid, self.patience) {
            self.patience.1 = Some(Instant::now());
        }
        let reply = if page == 2 && is_valid && !self.has_expired {
            self.has_expired = true;
            Reply { status: 401, ..Reply::body("the token has expired") }
        } else if !is_valid {
            Reply { status: 401, ..Reply::body("no valid token") }
        } else if page == 3 && !self.has_asked_for_patience {
            self.has_asked_for_patience = true;
            self.patience.0 = Some(Instant::now());
            let seconds = RETRY_AFTER.as_secs().to_string();
            Reply { status: 429, headers: vec![("Retry-After", seconds)], ..Reply::body("slow down") }
        } else {
            rows(page)
        };
        self.pages.push((page, token, reply.status));
        reply
    }
}

fn rows(page: u32) -> Vec<Value> {
    (1..=2).map(|row| json!({ "id": format!("{page}-{row}"), "price": page })).collect()
}

/// The next page is in the header `Link`.
fn linked(page: u32) -> Reply {
    let next = (page < PAGES).then(|| ("Link", format!("</links?page={}>; rel=\"next\"", page + 1)));
    Reply { headers: next.into_iter().collect(), ..Reply::body(json!(rows(page)).to_string()) }
}

/// The next page is in the document.
fn with_cursor(page: u32) -> Reply {
    let next = (page < PAGES).then_some(page + 1);
    Reply::body(json!({ "data": rows(page), "meta": { "next": next } }).to_string())
}

#[test]
fn a_load_goes_on_with_a_new_token_and_comes_back_when_it_may() {
    let mut secrets = Secrets::default();
    let links = Api::new("links", &mut secrets, ["secret of links", "token one of links", "token two of links"]);
    let cursor = Api::new("cursor", &mut secrets, ["secret of cursor", "token one of cursor", "token two of cursor"]);
    let client_secrets = [&links, &cursor].map(|api| api.client.1.clone());
    let apis = Arc::new(Mutex::new((links, cursor)));
    let served = Arc::clone(&apis);
    let server = WebServer::start(move |asked| {
        let (links, cursor) = &mut *served.lock().expect("no request panics");
        match asked.path.split('?').next().unwrap_or_default() {
            "/token/links" => links.token(asked),
            "/token/cursor" => cursor.token(asked),
            "/links" => links.page(asked, linked),
            "/cursor" => cursor.page(asked, with_cursor),
            _ => Reply { status: 404, ..Reply::body("") },
        }
    });
    let (redis, origin, http) = (RedisServer::start(), server.origin(), plugin("http"));
    let mut config = format!("store = {:?}\n[defaults]\nreload_ttl = \"1h\"\n", redis.url());
    for name in ["links", "cursor"] {
        config += &format!(
            "[auth.{name}]\nkind = \"oauth2\"\nhosts = [{origin:?}]\ntoken_url = \"{origin}/token/{name}\"\n\
             client_id = {name:?}\nclient_secret = {{ env = \"SECRET_OF_{}\" }}\nclient_auth = \"body\"\n",
            name.to_uppercase()
        );
    }
    for (name, path, auth, settings) in [
        ("links", "links", "[\"links\"]", "pages = \"link\""),
        (
            "cursor",
            "cursor",
            "[\"cursor\"]",
            "pointer = \"/data\", pages = { cursor = \"/meta/next\", parameter = \"page\" }",
        ),
        // Of the same API, but without its credentials.
        ("bare", "links", "[]", "pages = \"link\""),
    ] {
        config += &format!(
            "[cache.{name}]\nplugin = {http:?}\nsettings = {{ url = \"{origin}/{path}\", key = \"id\", {settings} }}\n\
             grants = {{ http = [{origin:?}], auth = {auth} }}\n"
        );
    }
    let workdir = WorkDir::with(&config);
    let command = |args: &[&str]| {
        let mut command = workdir.command(args);
        command.env("SECRET_OF_LINKS", &client_secrets[0]).env("SECRET_OF_CURSOR", &client_secrets[1]);
        command
    };
    let run = |args: &[&str]| -> Exited { command(args).output().expect("kiwi-host starts").into() };
    // Compiles the plugin, so that the run does not.
    let checked = run(&["check"]);

    let mut host = Running::start(command(&["run", "--log-format", "json"]).env("KIWI_LOG", TRACE));
    for name in ["links", "cursor"] {
        host.wait_for_log(&format!("\"{name}\" not refilled"));
        host.wait_for_log(&format!("\"message\":\"published, again \"cache\":\"{name}\""));
    }
    let refused = host.wait_for_log("\"bare\" not refilled");
    assert!(refused.contains("401"), "{refused}");

    let expected: Vec<String> = (1..=PAGES).flat_map(|page| [format!("{page}-1"), format!("{page}-2")]).collect();
    for name in ["links", "cursor"] {
        let dump = run(&["dump", name, "--format", "json"]).expect(0).stdout;
        let dump: Value = serde_json::from_str(&dump).expect("JSON");
        let keys: Vec<&String> = dump["entries"].as_object().expect("an object").keys().collect();
        assert_eq!(keys, expected.iter().collect::<Vec<_>>(), "{name}");
    }
    {
        let apis = apis.lock().expect("no request panics");
        for api in [&apis.0, &apis.1] {
            // The page is asked for again with the second token, in the same load; the next load begins after the 429.
            let first = [(1, 1, 200), (2, 1, 401), (2, 2, 200), (3, 2, 429)];
            let second = [(1, 2, 200), (2, 2, 200), (3, 2, 200), (4, 2, 200)];
            let (with, without): (Vec<_>, Vec<_>) = api.pages.iter().copied().partition(|(_, token, _)| *token > 0);
            assert_eq!(with, [first, second].concat(), "{}", api.client.0);
            assert!(without.iter().all(|page| *page == (1, 0, 401)), "{without:?}");
            let (Some(asked), Some(came)) = api.patience else { panic!("nobody was asked for patience") };
            assert!(came - asked >= RETRY_AFTER - Duration::from_millis(500), "{}: it came too early", api.client.0);
        }
    }

    secrets.are_not_in("check", checked.stdout.as_bytes());
    for args in [
        &["status"][..],
        &["status", "--format", "json"],
        &["check", "-vv"],
        &["inspect", http.to_str().expect("text"), "--format", "json"],
        &["refill", "bare", "-vv"],
        &["refill", "links", "cursor", "-vv"],
    ] {
        let exited = run(args);
        secrets.are_not_in(&format!("the output of {args:?}"), exited.stdout.as_bytes());
        secrets.are_not_in(&format!("the errors of {args:?}"), exited.stderr.as_bytes());
    }
    secrets.are_not_in("Redis", &everything_in(&redis.url()));
    host.signal(Signal::TERM);
    let ended = host.wait();
    secrets.are_not_in("the log", ended.stderr.as_bytes());
    secrets.are_not_in("the output", ended.stdout.as_bytes());
    assert!(ended.stderr.contains("hyper_util"), "it does not have the lines of libraries");
    let sent: String = server.asked().iter().map(ToString::to_string).collect();
    for (what, secret) in secrets.all() {
        assert!(sent.contains(secret) || sent.contains(&encoded(secret)), "{what} was never used");
    }
}
