//! serde's `rename_all` rules.

use syn::{LitStr, Result};

/// How the names of fields and variants become the names of settings and choices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Rename {
    #[default]
    None,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const RULES: [(&str, Rename); 8] = [
    ("lowercase", Rename::Lower),
    ("UPPERCASE", Rename::Upper),
    ("PascalCase", Rename::Pascal),
    ("camelCase", Rename::Camel),
    ("snake_case", Rename::Snake),
    ("SCREAMING_SNAKE_CASE", Rename::ScreamingSnake),
    ("kebab-case", Rename::Kebab),
    ("SCREAMING-KEBAB-CASE", Rename::ScreamingKebab),
];

impl Rename {
    pub(crate) fn parse(rule: &LitStr) -> Result<Self> {
        let text = rule.value();
        RULES.iter().find(|(name, _)| *name == text).map(|(_, rename)| *rename).ok_or_else(|| {
            let names = RULES.map(|(name, _)| format!("`{name}`")).join(", ");
            syn::Error::new(rule.span(), format!("`{text}` is not a valid `rename_all`: expected one of {names}"))
        })
    }

    /// The name of a field, which Rust writes in snake_case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::None | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capitalized).collect(),
            Self::Camel => uncapitalized(&Self::Pascal.field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => Self::Kebab.field(name).to_ascii_uppercase(),
        }
    }

    /// The name of a variant, which Rust writes in PascalCase.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::None | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalized(name),
            Self::Snake | Self::ScreamingSnake | Self::Kebab | Self::ScreamingKebab => self.field(&snake(name)),
        }
    }
}

fn snake(pascal: &str) -> String {
    let mut name = String::new();
    for (at, letter) in pascal.char_indices() {
        if at > 0 && letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    first.to_ascii_uppercase() + rest
}

fn uncapitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
    first.to_ascii_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_those_of_serde() {
        let rules = RULES.map(|(_, rule)| rule);
        let fields = ["base_url", "BASE_URL", "BaseUrl", "baseUrl", "base_url", "BASE_URL", "base-url", "BASE-URL"];
        assert_eq!(rules.map(|rule| rule.field("base_url")), fields);
        let variants =
            ["veryslow", "VERYSLOW", "VerySlow", "verySlow", "very_slow", "VERY_SLOW", "very-slow", "VERY-SLOW"];
        assert_eq!(rules.map(|rule| rule.variant("VerySlow")), variants);
    }
}
