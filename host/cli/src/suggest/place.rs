//! Where in kiwi.toml something is to be added, in words.

use kiwi_store::Name;
use toml_edit::{Document, Item, TableLike, Value};

/// Where something is to be added.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Such as "below `[cache.airlines]` (line 12)".
    pub(super) words: String,
    /// What stands before the key there, such as `settings.`; empty inside of the table itself.
    pub(super) prefix: String,
    pub(super) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Each on a line of its own.
    Lines,
    /// Between the braces of `{ ... }`.
    Inline,
    /// Between the brackets of `[ ... ]`.
    Array,
}

/// Where a key of this table of the cache is to be added: `keys` is `settings`, or `grants` and a kind of grant.
/// `None`: the file does not have the cache.
pub(super) fn find(text: &str, cache: &Name, keys: &[&str]) -> Option<Place> {
    let document = Document::parse(text).ok()?;
    let path: Vec<&str> = ["cache", cache.as_str()].iter().chain(keys).copied().collect();
    let mut place = Place { words: "above the first table".to_owned(), prefix: String::new(), form: Form::Lines };
    let mut table: &dyn TableLike = document.as_table();
    for (depth, key) in path.iter().enumerate() {
        let Some(item) = table.get(key) else {
            if depth < 2 {
                return None;
            }
            path[depth..].iter().for_each(|key| place.enter(key));
            break;
        };
        let line =
            table.key(key).and_then(|key| key.span()).map_or(0, |span| text[..span.start].matches('\n').count()) + 1;
        // As it is seen from the table of the cache, once that is found.
        let so_far = path[if depth < 2 { 0 } else { 2 }..=depth].join(".");
        table = match item {
            Item::Table(inner) => {
                if inner.is_dotted() || inner.is_implicit() {
                    place.enter(key);
                } else {
                    place = Place::of(format!("below `[{}]` (line {line})", path[..=depth].join(".")), Form::Lines);
                }
                inner
            }
            Item::Value(Value::InlineTable(inner)) => {
                if inner.is_dotted() {
                    place.enter(key);
                } else {
                    place = Place::of(format!("line {line}, between the braces of `{so_far}`"), Form::Inline);
                }
                inner
            }
            Item::Value(Value::Array(_)) => {
                return Some(Place::of(format!("line {line}, between the brackets of `{so_far}`"), Form::Array));
            }
            _ => return None,
        };
    }
    Some(place)
}

impl Place {
    fn of(words: String, form: Form) -> Self {
        Self { words, prefix: String::new(), form }
    }

    fn enter(&mut self, key: &str) {
        self.prefix += &toml_edit::Key::new(key).display_repr();
        self.prefix.push('.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_table_has_its_place() {
        let place = |text: &str, keys: &[&str]| {
            find(text, &"c".parse().unwrap(), keys).map(|place| format!("{}: {}", place.words, place.prefix))
        };
        let header = "store = \"x\"\n\n[cache.c]\nplugin = \"p\"\n";
        assert_eq!(place(header, &["settings"]).unwrap(), "below `[cache.c]` (line 3): settings.");
        assert_eq!(place(header, &["grants", "dirs"]).unwrap(), "below `[cache.c]` (line 3): grants.dirs.");
        let inline = format!("{header}settings = {{ a = 1 }}\ngrants = {{ dirs = [\"a\"] }}\n");
        assert_eq!(place(&inline, &["settings"]).unwrap(), "line 5, between the braces of `settings`: ");
        assert_eq!(place(&inline, &["grants", "dirs"]).unwrap(), "line 6, between the brackets of `grants.dirs`: ");
        assert_eq!(place(&inline, &["grants", "env"]).unwrap(), "line 6, between the braces of `grants`: env.");
        let tables = format!("{header}[cache.c.settings]\na = 1\n");
        assert_eq!(place(&tables, &["settings"]).unwrap(), "below `[cache.c.settings]` (line 5): ");
        let dotted = format!("{header}settings.a = 1\n");
        assert_eq!(place(&dotted, &["settings"]).unwrap(), "below `[cache.c]` (line 3): settings.");
        assert_eq!(place("cache.c.plugin = \"p\"", &["settings"]).unwrap(), "above the first table: cache.c.settings.");
        assert_eq!(place("[cache.a]\nplugin = \"p\"", &["settings"]), None);
    }
}
