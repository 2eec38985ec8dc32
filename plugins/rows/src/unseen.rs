//! Fields that the settings name and that no JSON row has had yet: at the end they are misspelt.

use std::collections::BTreeSet;

use kiwi_loader::Error;
use kiwi_rows::{Field, Object, near};

/// So many rows are searched for what may have been meant.
const MAX_SEARCHED: u32 = 1_000;
/// How many names are kept for each field.
const MAX_ALTERNATIVES: usize = 200;

/// The fields that are still missing. Once all were seen, this costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    fields: Vec<Wanted>,
    rows: u32,
}

#[derive(Debug)]
struct Wanted {
    setting: &'static str,
    field: Field,
    /// The names of rows that do not have it.
    alternatives: BTreeSet<String>,
}

impl Unseen {
    pub(crate) fn want(&mut self, setting: &'static str, field: Field) {
        self.fields.push(Wanted { setting, field, alternatives: BTreeSet::new() });
    }

    /// Whether all fields were seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(crate) fn look(&mut self, row: &Object<'_>) {
        self.rows = self.rows.saturating_add(1);
        self.fields.retain_mut(|wanted| {
            let is_missing = wanted.field.find(row).is_none();
            if is_missing && self.rows <= MAX_SEARCHED && wanted.alternatives.len() < MAX_ALTERNATIVES {
                wanted.alternatives.extend(wanted.field.alternatives(row));
            }
            is_missing
        });
    }

    /// At the end of a load.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.fields.first().filter(|_| self.rows > 0) {
            None => Ok(()),
            Some(Wanted { setting, field, alternatives }) => {
                let name = &field.written;
                let hint = near::hint(name, alternatives.iter().map(String::as_str));
                Err(Error::invalid_settings(format_args!(
                    "`{setting}`: no row has a field `{name}` ({hint}): correct it or remove it"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rows: &[&str], fields: &[&str]) -> Result<(), String> {
        let mut unseen = Unseen::default();
        fields.iter().for_each(|field| unseen.want("columns", Field::new(field)));
        rows.iter().for_each(|row| unseen.look(&Object::parse(row).unwrap()));
        unseen.finish().map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_that_no_row_has_is_an_error() {
        let rows = [r#"{"id": 1, "name": {"en": "a"}}"#, r#"{"id": 1, "name": {"fr": "b"}, "rare": null}"#];
        assert_eq!(after(&rows, &["id", "rare", "/name/fr"]), Ok(()));
        let misspelt = after(&rows, &["id", "rares"]).unwrap_err();
        assert_eq!(misspelt, "`columns`: no row has a field `rares` (did you mean `rare`?): correct it or remove it");
        assert!(after(&rows, &["/name/ens"]).unwrap_err().contains("did you mean `/name/en`?"));
        assert_eq!(after(&[], &["id"]), Ok(()), "there is nothing to compare with");
    }
}
