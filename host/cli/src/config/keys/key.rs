//! One key of kiwi.toml.

/// One key.
pub(crate) struct Key {
    /// Where it is. `NAME` is the name of a cache.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// Whether `[defaults]` may set it for all caches, too.
    pub(crate) in_defaults: bool,
    /// A value, as it is written in TOML.
    pub(crate) example: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that writes docs/configuration.md"))]
    pub(crate) default: fn() -> String,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that writes docs/configuration.md"))]
    pub(crate) help: &'static str,
}

/// What kind of value a key takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Path,
    Duration,
    /// A duration, or `none`.
    Ttl,
    /// A number of bytes, with a unit.
    Size,
    /// A whole number of what is named here.
    Count(&'static str),
    Percent,
    Flag,
    Texts,
    Table,
    TextOrTable,
    /// Where a secret comes from: `{ env = "NAME" }` or `{ file = "PATH" }`.
    Secret,
    TextOrSecret,
}

impl Kind {
    /// What a value of the wrong type should have been.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Path | Self::TextOrTable | Self::TextOrSecret => "a string",
            Self::Duration => "a duration",
            Self::Ttl => "a duration or `none`",
            Self::Size => "a size",
            Self::Count(_) => "a whole number",
            Self::Percent => "a percentage",
            Self::Flag => "`true` or `false`",
            Self::Texts => "a list of strings",
            Self::Table => "a table",
            Self::Secret => "`{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
        }
    }
}
