//! Loads the rows of a granted file: a JSON object, a JSON array, NDJSON or CSV.
//!
//! Its mark is the file's modification time and size.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use kiwi_loader::{Description, Error, Grant, Load, Settings, mark};
use rows::{Entries, Format, Shape, ShapeSettings};

#[derive(Settings)]
struct Settings {
    /// The file, relative to kiwi.toml.
    path: String,
    /// not set: as the file's name ends.
    format: Option<Format>,
    #[serde(flatten)]
    shape: ShapeSettings,
}

fn load_from_source(settings: Settings) -> Result<Load<Entries>, Error> {
    let format = settings.format.map_or_else(|| format_of(&settings.path), Ok)?;
    let shape = Shape::new(format, settings.shape)?;
    let path = written(&settings.path).to_owned();
    let file = Arc::new(File::open(&path).map_err(|error| cannot_open(&path, &error))?);
    let stamp = stamp(&file)?;
    if mark::published().as_ref() == Some(&stamp) {
        return Ok(Load::Unchanged);
    }
    mark::set(&stamp);
    let text = BufReader::with_capacity(64 * 1024, Arc::clone(&file));
    let entries = rows::entries(text, shape).map_err(|error| error.context(&path))?;
    let place = path.clone();
    let entries = entries.map(move |entry| entry.map_err(|error| error.context(&place)));
    Ok(Load::Entries(Box::new(entries.chain(changed_since(file, stamp, path)))))
}

/// No entries, but an error if the file was written to while it was read: its rows may be part old, part new.
fn changed_since<T>(file: Arc<File>, before: String, path: String) -> impl Iterator<Item = Result<T, Error>> {
    std::iter::once_with(move || match stamp(&file) {
        Ok(after) if after == before => None,
        Ok(_) => Some(Err(Error::unavailable(format_args!("{path} was written to while it was read")))),
        Err(error) => Some(Err(error.context(&path))),
    })
    .flatten()
}

/// A text that is different after the file has changed.
fn stamp(file: &File) -> Result<String, Error> {
    let metadata = file.metadata()?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}.{:09} {}", modified.as_secs(), modified.subsec_nanos(), metadata.len()))
}

/// The host adds what is not granted.
fn cannot_open(path: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::unavailable(format_args!("{path} is not there")),
        io::ErrorKind::PermissionDenied => {
            Error::denied(format_args!("{path} cannot be read, or leads out of its granted directory: {error}"))
        }
        _ => Error::other(format_args!("{path}: {error}")),
    }
}

/// A path as it is shown and granted.
fn written(path: &str) -> &str {
    path.trim_start_matches("./")
}

fn format_of(path: &str) -> Result<Format, Error> {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(Format::Json),
        Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
        Some("csv") => Ok(Format::Csv),
        _ => Err(Error::invalid_settings(format_args!(
            "the format of {path} is unknown: set `format` to `json`, `ndjson` or `csv`"
        ))),
    }
}

fn describe() -> Description {
    Description::new("The rows of a JSON, NDJSON or CSV file.")
        .settings::<Settings>()
        .grants_for(|settings: Settings| [Grant::file(written(&settings.path), "to read the file `path`")])
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests {
    use kiwi_loader::Setting;
    use kiwi_loader::testing::{Host, json};

    use super::*;

    #[test]
    fn the_operator_sees_the_settings_and_the_grant() {
        let expected = Description::new("The rows of a JSON, NDJSON or CSV file.")
            .setting(Setting::text("path", "The file, relative to kiwi.toml.").required())
            .setting(Setting::text("format", "`json`, `ndjson` or `csv`; not set: as the file's name ends."))
            .settings::<ShapeSettings>();
        assert_eq!(Host::new().run(describe), expected);
        let configured = Host::new().settings(json!({ "path": "./data/airlines.csv" })).run(describe);
        assert_eq!(configured, expected.grant(Grant::file("data/airlines.csv", "to read the file `path`")));
    }

    #[test]
    fn a_file_is_loaded_until_it_stays_the_same() {
        let path = std::env::temp_dir().join(format!("kiwi-file-{}.csv", std::process::id()));
        std::fs::write(&path, "iata,name\nFR,Ryanair\n").unwrap();
        let host = Host::new().settings(json!({ "path": path, "key": "iata" }));
        assert_eq!(host.load(load_from_source).unwrap().into_entries().unwrap()["FR"]["name"], "Ryanair");
        assert!(host.load(load_from_source).unwrap().is_unchanged());
        std::fs::remove_file(&path).unwrap();
        assert!(host.load(load_from_source).unwrap_err().is_unavailable());
    }

    #[test]
    fn the_format_is_the_extension() {
        assert_eq!(format_of("data/airlines.csv").unwrap(), Format::Csv);
        assert_eq!(format_of("rates.jsonl").unwrap(), Format::Ndjson);
        assert!(format_of("data.json/rates").unwrap_err().is_invalid_settings());
    }

    #[test]
    fn a_file_written_to_while_it_is_read_is_an_error() {
        let path = std::env::temp_dir().join(format!("kiwi-file-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let before = stamp(&file).unwrap();
        let changed = || changed_since::<()>(Arc::clone(&file), before.clone(), "x.csv".into()).next();
        assert!(changed().is_none());
        std::fs::write(&path, "three").unwrap();
        assert!(changed().unwrap().unwrap_err().is_unavailable());
        std::fs::remove_file(&path).unwrap();
    }
}
