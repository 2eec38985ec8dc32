//! What becomes of the rows of a load: which are kept, their keys and their values.

use kiwi_loader::{Error, Json, log};

use crate::field::Field;
use crate::filter::Accepted;
use crate::format::Format;
use crate::key::{self, NoKey, OnMissingKey};
use crate::places::Places;
use crate::pointer::Pointer;
use crate::row::Object;
use crate::settings::RowSettings;
use crate::unseen::Unseen;

/// What becomes of the rows of a load, and what was seen of them so far.
pub(crate) struct Selection {
    pub(crate) settings: RowSettings,
    pub(crate) pointer: Pointer,
    /// Where the key is; empty: the rows are members of an object.
    key: Vec<Field>,
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
        let key: Vec<Field> = settings.key.iter().flat_map(|key| &key.0).map(|name| Field::new(name)).collect();
        let filter: Vec<(Field, Accepted)> =
            settings.filter.iter().flatten().map(|(name, accepted)| (Field::new(name), accepted.clone())).collect();
        let mut unseen = Unseen::default();
        key.iter().for_each(|field| unseen.want("key", field.clone()));
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
        let key = key::of_object(&object, &self.key, &self.settings.key_separator);
        let Some(key) = self.keep(key, number)? else { return Ok(None) };
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
        let key = if key.is_empty() { Err(NoKey::Invalid("the key is empty".to_owned())) } else { Ok(key) };
        let key = self.keep(key, number)?;
        Ok(key.map(|key| (key, Json(value))))
    }

    /// What becomes of a row with this key: its key, unless it is left out.
    pub(crate) fn keep(&mut self, key: Result<String, NoKey>, number: u64) -> Result<Option<String>, Error> {
        match key {
            Ok(key) => {
                self.places.remember(&key, number)?;
                Ok(Some(key))
            }
            Err(NoKey::Missing(why)) if self.settings.on_missing_key == OnMissingKey::Skip => {
                self.skipped.rows += 1;
                self.skipped.first.get_or_insert_with(|| (self.places.place(number), why));
                Ok(None)
            }
            Err(NoKey::Missing(why)) => Err(Error::other(format_args!(
                "{}: {why}: correct the source or `key`; `on_missing_key = \"skip\"` leaves out rows without a key",
                self.places.row(number)
            ))),
            Err(NoKey::Invalid(why)) => Err(Error::other(format_args!("{}: {why}", self.places.row(number)))),
        }
    }

    /// At the end of all texts.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.unseen.finish()?;
        if let Skipped { rows, first: Some((place, why)) } = &self.skipped {
            let were = if *rows == 1 { "1 row was" } else { &format!("{rows} rows were") };
            log::info!("{were} skipped for want of a key; the first: {place}: {why}");
        }
        Ok(())
    }

    fn parse<'a>(&mut self, row: &'a str, number: u64) -> Result<Object<'a>, Error> {
        let object = Object::parse(row).map_err(|error| error.context(self.places.row(number)))?;
        if !self.unseen.is_empty() {
            self.unseen.look(&object);
        }
        Ok(object)
    }

    fn accepts(&self, row: &Object<'_>) -> bool {
        self.filter.iter().all(|(field, accepted)| field.find(row).is_some_and(|value| accepted.accepts(value)))
    }
}
