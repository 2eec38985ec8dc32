//! Loads the rows of granted files: a JSON object, a JSON array, NDJSON or CSV, compressed or not.
//!
//! Its mark is the modification time and size of the file, or of all files that the pattern matches.

mod found;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use found::{Found, find, is_pattern, mark_of, stamp, unchanging_part};
use kiwi_loader::{Description, Error, Grant, Load, Settings, mark};
use rows::{Entries, Format, Packing, RowSettings, Text};

#[derive(Settings)]
struct Settings {
    /// The file, relative to kiwi.toml; several by a pattern: `data/*.csv`.
    path: String,
    /// not set: as the file's name ends, which may be followed by `.gz` or `.zst`.
    format: Option<Format>,
    #[serde(flatten)]
    rows: RowSettings,
}

fn load_from_source(settings: Settings) -> Result<Load<Entries>, Error> {
    let Settings { path, format, rows } = settings;
    let path = written(&path).to_owned();
    if let Some(format) = format {
        rows.check(format)?;
    }
    let files = find(&path)?;
    let found = mark_of(&path, &files);
    if mark::published().as_ref() == Some(&found) {
        return Ok(Load::Unchanged);
    }
    mark::set(&found);
    let mut reading: Option<Reading> = None;
    let mut left = files.into_iter();
    let entries = rows::entries(rows, move |_| {
        if let Some(read) = reading.take() {
            read.check()?;
        }
        if let Some(file) = left.next() {
            let format = format.map_or_else(|| format_of(&file.path), Ok)?;
            let (next, text) = Reading::open(file, format)?;
            reading = Some(next);
            return Ok(Some(text));
        }
        // A file that was replaced or added meanwhile would make the map part old, part new.
        if is_pattern(&path) && mark_of(&path, &find(&path)?) != found {
            return Err(Error::unavailable(format_args!("the files of {path} were changed while they were read")));
        }
        Ok(None)
    })?;
    Ok(Load::Entries(entries))
}

/// A file that is being read.
struct Reading {
    file: Arc<File>,
    found: Found,
}

impl Reading {
    fn open(mut found: Found, format: Format) -> Result<(Self, Text), Error> {
        let file = Arc::new(found.open()?);
        let reading = Self { file: Arc::clone(&file), found };
        reading.check()?;
        let path = &reading.found.path;
        let bytes = BufReader::with_capacity(64 * 1024, file);
        let body = match packing_of(path) {
            None => Box::new(bytes),
            Some((packing, _)) => packing.unpack(bytes),
        };
        let text = Text { name: path.clone(), format, body };
        Ok((reading, text))
    }

    /// Whether the file is still the one that was found: if it was written to while it was read, its rows may be part
    /// old, part new.
    fn check(&self) -> Result<(), Error> {
        let path = &self.found.path;
        if stamp(&self.file.metadata().map_err(|error| Error::from(error).context(path))?)? == self.found.stamp {
            Ok(())
        } else {
            Err(Error::unavailable(format_args!("{path} was written to while it was read")))
        }
    }
}

/// A path as it is shown and granted.
fn written(path: &str) -> &str {
    path.trim_start_matches("./")
}

fn extension(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}

/// How a file is compressed, and its path without that ending.
fn packing_of(path: &str) -> Option<(Packing, &str)> {
    let extension = extension(path)?;
    Some((Packing::of_extension(extension)?, &path[..path.len() - extension.len() - 1]))
}

fn format_of(path: &str) -> Result<Format, Error> {
    let unpacked = packing_of(path).map_or(path, |(_, path)| path);
    extension(unpacked).and_then(Format::of_extension).ok_or_else(|| {
        Error::invalid_settings(format_args!(
            "the format of {path} is unknown: set `format` to `json`, `ndjson` or `csv`"
        ))
    })
}

fn describe() -> Description {
    let grant = |settings: Settings| {
        let path = written(&settings.path);
        if is_pattern(path) {
            [Grant::dir(unchanging_part(path), "to read the files that `path` matches")]
        } else {
            [Grant::file(path, "to read the file `path`")]
        }
    };
    Description::new("The rows of JSON, NDJSON or CSV files.").settings::<Settings>().grants_for(grant)
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests;
