//! `[secrets]`, `[auth]` and `[http]`: what is read, what is refused, and that no message shows a secret.

use std::path::Path;

use kiwi_host::{AuthKind, ClientAuth, SecretSource};

use super::file::Config;
use super::tests::{parse, problem, problems};

#[test]
fn secrets_and_credentials_are_read_and_granted_by_name() {
    let config = parse(
        r#"
            store = { url_file = "/run/secrets/redis" }
            [secrets]
            token = { env = "API_TOKEN" }
            other = { file = "other" }
            [auth.bearer]
            kind = "bearer"
            hosts = ["https://a.example"]
            token = { file = "/run/secrets/bearer" }
            [auth.basic]
            kind = "basic"
            hosts = ["https://b.example"]
            user = "kiwi"
            password = { env = "PASSWORD" }
            [auth.partner]
            kind = "oauth2"
            hosts = ["https://c.example", "https://*.c.example"]
            token_url = "https://login.example/token"
            client_id = "kiwi"
            client_secret = { env = "CLIENT_SECRET" }
            client_auth = "body"
            scope = "read"
            [http]
            proxy = "http://bob:s3cret@proxy.example:3128"
            no_proxy = ["intranet.example"]
            ca = "ca.pem"
            cert = "/etc/kiwi/client.pem"
            key = "client.key"
            [cache.a]
            plugin = "p.wasm"
            grants.secrets = { token = ["https://a.example", "https://b.example:8443"] }
            grants.auth = ["partner", "basic"]
        "#,
    );
    let grants = &config.caches[0].grants;
    let [token] = &grants.secrets[..] else { panic!("{grants:?}") };
    assert_eq!((token.name.as_str(), &token.source), ("token", &SecretSource::Env("API_TOKEN".into())));
    let origins: Vec<String> = token.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["https://a.example", "https://b.example:8443"]);
    let names: Vec<&str> = grants.auth.iter().map(|auth| auth.name.as_str()).collect();
    assert_eq!(names, ["partner", "basic"]);
    let AuthKind::OAuth2(oauth2) = &grants.auth[0].kind else { panic!("{grants:?}") };
    assert_eq!((oauth2.token_url(), oauth2.client_id.as_str()), ("https://login.example/token", "kiwi"));
    assert_eq!(
        (oauth2.client_auth, oauth2.scope.as_deref(), &oauth2.audience),
        (ClientAuth::Body, Some("read"), &None)
    );
    let secrets: Vec<_> = config.credentials.secrets().collect();
    assert_eq!(secrets[0], ("other", &SecretSource::File("conf/other".into())));
    let client = config.http.client_certificate.as_ref().unwrap();
    assert_eq!((&*client.certificate, &*client.key), (Path::new("/etc/kiwi/client.pem"), Path::new("conf/client.key")));
    assert_eq!(config.http.ca.as_deref(), Some(Path::new("conf/ca.pem")));
    let proxy = config.http.proxy.as_ref().unwrap();
    assert!(proxy.serves("a.example") && !proxy.serves("www.intranet.example"));
    let debug = format!("{config:?}");
    assert!(!debug.contains("s3cret") && !debug.contains("bob"), "{debug}");
}

#[test]
fn credentials_that_do_not_exist_are_named_with_near_ones() {
    let around = "[secrets]\napi_token = { env = \"A\" }\n[auth.partner]\nkind = \"bearer\"\nhosts = \
                  [\"https://a.example\"]\ntoken = { env = \"A\" }\n";
    let found = |grants: &str| problem(&format!("{around}[cache.a]\nplugin = \"p\"\ngrants = {{ {grants} }}"));
    assert_eq!(
        found("secrets = { api_tokne = [\"https://a.example\"] }"),
        "9:24: cache.a.grants.secrets: there is no secret `api_tokne`: did you mean `api_token`?"
    );
    assert_eq!(
        found("secrets = { zzz = [\"https://a.example\"] }"),
        "9:24: cache.a.grants.secrets: there is no secret `zzz`: expected one of `api_token`, or define it in `[secrets]`"
    );
    assert_eq!(
        found("auth = [\"parnter\"]"),
        "9:20: cache.a.grants.auth: there is no auth `parnter`: did you mean `partner`?"
    );
    assert_eq!(
        problem("[cache.a]\nplugin = \"p\"\ngrants.auth = [\"x\"]"),
        "3:16: cache.a.grants.auth: there is no auth `x`: define it in `[auth.NAME]`"
    );
    assert!(found("secrets = { api_token = [] }").contains("expected where it may be sent, such as `[\"https://"));
    assert!(
        found("secrets = { api_token = [\"a.example\"] }")
            .starts_with("9:37: cache.a.grants.secrets.api_token: `a.example` is")
    );
    assert!(found("secrets = [\"api_token\"]").contains("expected a table, found an array"));
    assert!(found("secrets = { api_token = \"https://a.example\" }").contains("expected a list of strings"));
}

#[test]
fn a_secret_is_a_variable_or_a_file_and_is_never_shown() {
    for (value, said) in [
        ("\"s3cret\"", "expected `{ env = \"NAME\" }` or `{ file = \"PATH\" }`, found another type (string)"),
        ("5326", "found another type (integer)"),
        ("{}", "expected `{ env = \"NAME\" }` or `{ file = \"PATH\" }`, found an empty table"),
        ("{ env = \"A\", file = \"b\" }", "found 2 keys"),
        ("{ envv = \"A\" }", "unknown key `envv`: expected `{ env = \"NAME\" }`"),
        ("{ env = \"s3cret!\" }", "not a valid name of an environment variable"),
        ("{ env = \"\" }", "`env` is not valid"),
        ("{ file = 1 }", "`file` is not valid"),
    ] {
        let found = problem(&format!("[secrets]\nx = {value}"));
        assert!(found.starts_with("2:5: secrets.x: ") && found.contains(said) && !found.contains("s3cret"), "{found}");
        assert!(!found.contains("5326"), "{found}");
    }
    assert!(problem("[secrets]\n\"a b\" = { env = \"A\" }").contains("2:9: secrets.\"a b\": not a valid name"));
    let named = problem("[auth.\"a.b\"]\nkind = \"bearer\"\nhosts = [\"https://a\"]\ntoken = { env = \"A\" }");
    assert!(named.starts_with("1:7: auth.\"a.b\": not a valid name"), "{named}");
    // It is reported once, where it is defined.
    let used = "[secrets]\nx = { file = 1 }\n[cache.a]\nplugin = \"p\"\ngrants.secrets.x = [\"https://a.example\"]";
    assert!(problem(used).starts_with("2:5: "));
    for (store, said) in [
        ("{ url = \"s3cret\" }", "unknown key `url`: expected `{ url_env = \"NAME\" }` or `{ url_file = \"PATH\" }`"),
        ("{ url_env = \"A\", url_file = \"b\" }", "found 2 keys"),
    ] {
        let found = problem(&format!("store = {store}"));
        assert!(found.starts_with("1:9: store: ") && found.contains(said) && !found.contains("s3cret"), "{found}");
    }
}

#[test]
fn each_kind_of_auth_has_its_keys() {
    let auth = |keys: &str| problems(&format!("[auth.a]\n{keys}"));
    let hosts = "hosts = [\"https://a.example\"]\n";
    assert_eq!(
        auth("kind = \"bearer\""),
        [
            "1:7: auth.a: `hosts` is missing (expected a list such as `[\"https://api.example.com\"]`)",
            "1:7: auth.a: `token` is missing (expected `{ env = \"NAME\" }` or `{ file = \"PATH\" }`)",
        ]
    );
    let misplaced = auth(&format!("kind = \"bearer\"\n{hosts}token = {{ env = \"A\" }}\nuser = \"kiwi\""));
    assert!(misplaced.len() == 1 && misplaced[0].starts_with("5:1: auth.a: unknown key `user`"), "{misplaced:?}");
    let missing = auth(&format!("kind = \"oauth2\"\n{hosts}token_url = \"login.example\"\nclient_auth = \"x\""));
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert!(
        missing.iter().any(|problem| problem.starts_with("4:13: auth.a.token_url: not a valid URL for tokens")),
        "{missing:?}"
    );
    assert!(
        auth(&format!("kind = \"basci\"\n{hosts}user = \"x\""))[0].contains("expected `bearer`, `basic`, `oauth2`")
    );
    let user = auth(&format!("kind = \"basic\"\n{hosts}user = \"a:b\"\npassword = {{ env = \"A\" }}"));
    assert!(user.len() == 1 && user[0].contains("without a colon"), "{user:?}");
    assert!(auth("kind = \"bearer\"\nhosts = []\ntoken = { env = \"A\" }")[0].contains("`hosts` is empty"));
}

#[test]
fn the_way_out_is_checked() {
    for (http, said) in [
        ("proxy = \"socks5://u:s3cret@h\"", "1:18: http.proxy: not a valid URL of a proxy"),
        (
            "proxy = 3128",
            "1:18: http.proxy: expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`, found 3128",
        ),
        ("no_proxy = [\"a\"]", "1:21: `no_proxy` has no effect without `proxy`"),
        ("proxy = \"http://h:1\", no_proxy = [\"a b\"]", "`a b` is not a valid host without a proxy"),
        ("cert = \"a\"", "1:17: `cert` has no effect without `key`"),
        ("key = \"a\"", "1:16: `key` has no effect without `cert`"),
    ] {
        let found = problem(&format!("http = {{ {http} }}"));
        assert!(found.contains(said) && !found.contains("s3cret"), "{found}");
    }
}

#[test]
fn no_plugin_reads_the_file_of_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for dir in ["secrets", "data"] {
        std::fs::create_dir(at(dir)).unwrap();
    }
    for file in ["secrets/token", "secrets/client.key", "data/rates.csv"] {
        std::fs::write(at(file), "s3cret").unwrap();
    }
    std::os::unix::fs::symlink(at("secrets/token"), at("data/link")).unwrap();
    let found = |definition: &str, grants: &str| {
        let text = format!("{definition}\n[cache.a]\nplugin = \"p\"\ngrants = {{ {grants} }}");
        Config::parse(&at("kiwi.toml"), &text).map(drop).map_err(|problems| problems.to_string())
    };
    let token = "[secrets]\ntoken = { file = \"secrets/token\" }";
    let key = "[http]\ncert = \"data/rates.csv\"\nkey = \"secrets/client.key\"";
    let store = "store = { url_file = \"secrets/token\" }";
    for (definition, grants, says) in [
        (token, "dirs = [\"secrets\"]", "`secrets` is not for a plugin to read"),
        (token, "files = [\"secrets/token\"]", "`secrets/token` is not for a plugin to read: it holds a secret"),
        (token, "files = [\"data/link\"]", "it holds a secret"),
        (key, "files = [\"secrets/client.key\"]", "it holds a secret"),
        (store, "files = [\"secrets/token\"]", "it holds a secret"),
    ] {
        let problems = found(definition, grants).unwrap_err();
        assert!(problems.contains(says), "{problems}");
    }
    found(token, "dirs = [\"data\"], files = [\"data/rates.csv\"]").unwrap();
}
