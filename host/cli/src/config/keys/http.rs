//! The keys of `[http]`.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key {
        path: "http",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ proxy = \"http://proxy.example.com:3128\" }",
        default: || "requests go directly".into(),
        help: "How the HTTP requests of all plugins leave this machine.",
    },
    Key {
        path: "http.proxy",
        kind: Kind::TextOrSecret,
        in_defaults: false,
        example: "{ env = \"https_proxy\" }",
        default: || "no proxy, also if the environment names one".into(),
        help: "The proxy that requests go through: `http://HOST:PORT` or `https://HOST:PORT`, with `USER:PASSWORD@` if it \
               asks for that. It resolves the names, so it has to refuse private addresses itself.",
    },
    Key {
        path: "http.no_proxy",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"intranet.example.com\", \"10.0.0.0/8\"]",
        default: || "`[]`".into(),
        help: "Hosts that are reached without the proxy: names (with all names below them), addresses, ranges of \
               addresses, or `*`. Names are not resolved for this.",
    },
    Key {
        path: "http.ca",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"company-ca.pem\"",
        default: || "those that the system trusts".into(),
        help: "A PEM file with certificates that are trusted in addition to those that the system trusts. It may be \
               replaced while the host runs.",
    },
    Key {
        path: "http.cert",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"client.pem\"",
        default: || "none".into(),
        help: "The certificate, with its chain, by which kiwi-host identifies itself to servers that ask for one. It may be \
               replaced while the host runs.",
    },
    Key {
        path: "http.key",
        kind: Kind::Path,
        in_defaults: false,
        example: "\"client.key\"",
        default: || "required with `cert`".into(),
        help: "The private key of `cert`.",
    },
];
