//! The keys of `[auth.NAME]`.

use super::key::{Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key {
        path: "auth",
        kind: Kind::Table,
        in_defaults: false,
        example: "{ partner = { kind = \"bearer\", hosts = [\"https://api.partner.com\"], token = { env = \"TOKEN\" } } }",
        default: || "empty".into(),
        help: "As whom kiwi-host authenticates on behalf of plugins: one table for each, `[auth.NAME]`.",
    },
    Key {
        path: "auth.NAME.kind",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"bearer\"",
        default: || "required".into(),
        help: "How it authenticates: `\"bearer\"` (a token), `\"basic\"` (a user and a password) or `\"oauth2\"` (a token that \
               it fetches with client credentials, keeps, and renews).",
    },
    Key {
        path: "auth.NAME.hosts",
        kind: Kind::Texts,
        in_defaults: false,
        example: "[\"https://api.partner.com\"]",
        default: || "required".into(),
        help: "Where it authenticates, in the form of the grant `http`. The header `authorization` that a plugin sets for \
               these hosts is replaced.",
    },
    Key {
        path: "auth.NAME.token",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ file = \"/run/secrets/partner_token\" }",
        default: || "required with `bearer`".into(),
        help: "The token. Only with `bearer`.",
    },
    Key {
        path: "auth.NAME.user",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"kiwi\"",
        default: || "required with `basic`".into(),
        help: "The user. Only with `basic`.",
    },
    Key {
        path: "auth.NAME.password",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ env = \"PARTNER_PASSWORD\" }",
        default: || "required with `basic`".into(),
        help: "The password. Only with `basic`.",
    },
    Key {
        path: "auth.NAME.token_url",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"https://login.partner.com/oauth/token\"",
        default: || "required with `oauth2`".into(),
        help: "Where tokens come from. Only with `oauth2`, as all below.",
    },
    Key {
        path: "auth.NAME.client_id",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"kiwi\"",
        default: || "required with `oauth2`".into(),
        help: "The client's name.",
    },
    Key {
        path: "auth.NAME.client_secret",
        kind: Kind::Secret,
        in_defaults: false,
        example: "{ env = \"PARTNER_SECRET\" }",
        default: || "required with `oauth2`".into(),
        help: "The client's secret.",
    },
    Key {
        path: "auth.NAME.client_auth",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"basic\"",
        default: || "`\"basic\"`".into(),
        help: "Where these two are sent: `\"basic\"` (in the header `authorization`) or `\"body\"`.",
    },
    Key {
        path: "auth.NAME.scope",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"prices:read\"",
        default: || "none is sent".into(),
        help: "What the token is for, if the server asks for that.",
    },
    Key {
        path: "auth.NAME.audience",
        kind: Kind::Text,
        in_defaults: false,
        example: "\"https://api.partner.com\"",
        default: || "none is sent".into(),
        help: "For which service the token is, if the server asks for that.",
    },
];
