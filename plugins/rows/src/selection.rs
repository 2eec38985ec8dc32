//! What becomes of the rows of a load: which are kept, their keys and their values.

use kiwi_loader::{Error, Json, log};
use kiwi_rows::{Field, Key, NoKey, Object};

use crate::filter::Accepted;
use crate::format::Format;
use crate::key::OnMissingKey;
use crate::places::Places;
use crate::pointer::Pointer;
use crate::settings::RowSettings;
use crate::unseen::Unseen;

/// What becomes of the rows of a load, and what was seen of them so far.
pub(crate) struct Selection {
    pub(crate) settings: RowSettings,
    pub(crate) pointer: Pointer,
    /// Where the key is; without fields: the rows are members of an object.
    pub(crate) key: Key,
    filter: Vec<(Field, Accepted)>,
    unseen: Unseen,
    skipped: Skipped,
    pub(crate) places: Places,
}

/// The rows that were left out because they have no key.
#[derive(Default)]
struct Skipped {
    rows: u64,
    /// The place of the first of them, and why.
    first: Option<(String, String)>,
}

impl Selection {
    pub(crate) fn new(settings: RowSettings) -> Result<Self, Error> {
        let pointer = Pointer::parse("pointer", settings.pointer.as_deref().unwrap_or_default())?;
        let key = Key::new(settings.key.iter().flat_map(|key| &key.0), settings.key_separator.clone());
        let filter: Vec<(Field, Accepted)> =
            settings.filter.iter().flatten().map(|(name, accepted)| (Field::new(name), accepted.clone())).collect();
        let mut unseen = Unseen::default();
        key.fields.iter().for_each(|field| unseen.want("key", field.clone()));
        filter.iter().for_each(|(field, _)| unseen.want("filter", field.clone()));
        settings.columns.iter().flatten().for_each(|name| unseen.want("columns", Field::name(name)));
        Ok(Self { settings, pointer, key, filter, unseen, skipped: Skipped::default(), places: Places::new() })
    }

    /// A new text begins.
    pub(crate) fn begin(&mut self, name: String, format: Format) -> Result<(), Error> {
        self.places.begin(name, format);
        self.settings.check(format).map_err(|error| self.places.in_text(error))
    }

    /// The entry of a row that is a JSON object. Its value is the row's text unchanged, or only its columns.
    pub(crate) fn object(&mut self, row: String, number: u64) -> Result<Option<(String, Json)>, Error> {
        let object = self.parse(&row, number)?;
        if !self.accepts(&object) {
            return Ok(None);
        }
        let mut key = String::new();
        let key = match self.key.of_object(&object, &mut key) {
            Ok(()) => self.remember(key, number)?,
            Err(no_key) => {
                let why = self.is_told(no_key).then(|| self.key.explain(no_key, Some(&object)));
                return self.leave_out(no_key, number, why);
            }
        };
        let value = match &self.settings.columns {
            None => row,
            Some(columns) => object.pick(columns),
        };
        Ok(Some((key, Json(value))))
    }

    /// The entry of a member of a JSON object, whose name is the key.
    pub(crate) fn member(&mut self, key: String, value: String, number: u64) -> Result<Option<(String, Json)>, Error> {
        let value = if self.settings.columns.is_some() || !self.filter.is_empty() {
            let object = self.parse(&value, number)?;
            if !self.accepts(&object) {
                return Ok(None);
            }
            match &self.settings.columns {
                None => value,
                Some(columns) => object.pick(columns),
            }
        } else {
            value
        };
        if key.is_empty() {
            return Err(Error::other(format_args!("{}: the key is empty", self.places.row(number))));
        }
        Ok(Some((self.remember(key, number)?, Json(value))))
    }

    /// A key must be a new one.
    pub(crate) fn remember(&mut self, key: String, number: u64) -> Result<String, Error> {
        self.places.remember(&key, number)?;
        Ok(key)
    }

    /// Whether it is reported why a row has no key: where the load fails by it, and for the first row that is skipped.
    pub(crate) fn is_told(&self, no_key: NoKey) -> bool {
        !self.is_skipped(no_key) || self.skipped.first.is_none()
    }

    /// Skips a row without a key, if that is wanted. `why` is there if it is told.
    pub(crate) fn leave_out<T>(&mut self, no_key: NoKey, number: u64, why: Option<String>) -> Result<Option<T>, Error> {
        if self.is_skipped(no_key) {
            self.skipped.rows += 1;
            if let Some(why) = why {
                self.skipped.first = Some((self.places.place(number), why));
            }
            return Ok(None);
        }
        let (row, why) = (self.places.row(number), why.unwrap_or_default());
        Err(if no_key.is_missing() {
            Error::other(format_args!(
                "{row}: {why}: correct the source or `key`; `on_missing_key = \"skip\"` leaves out rows without a key"
            ))
        } else {
            Error::other(format_args!("{row}: {why}"))
        })
    }

    fn is_skipped(&self, no_key: NoKey) -> bool {
        no_key.is_missing() && self.settings.on_missing_key == OnMissingKey::Skip
    }

    /// At the end of all texts.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.unseen.finish()?;
        if let Skipped { rows, first: Some((place, why)) } = &self.skipped {
            let rows = if *rows == 1 { "1 row without a key was" } else { &format!("{rows} rows without a key were") };
            log::info!("{rows} skipped; the first: {place}: {why}");
        }
        Ok(())
    }

    fn parse<'a>(&mut self, row: &'a str, number: u64) -> Result<Object<'a>, Error> {
        let object = Object::parse(row).map_err(|error| Error::other(error).context(self.places.row(number)))?;
        if !self.unseen.is_empty() {
            self.unseen.look(&object);
        }
        Ok(object)
    }

    fn accepts(&self, row: &Object<'_>) -> bool {
        self.filter.iter().all(|(field, accepted)| field.find(row).is_some_and(|value| accepted.accepts(value)))
    }
}
