//! CSV with a header: each record becomes a JSON object of texts.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use kiwi_loader::{Error, Json};

use crate::row::{Fields, label};

/// The entries of the records.
pub(crate) fn records(
    text: impl Read,
    fields: Fields,
    delimiter: u8,
) -> Result<impl Iterator<Item = Result<(String, Json), Error>>, Error> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(text);
    let table = Table::new(reader.headers()?, fields)?;
    let mut record = StringRecord::new();
    Ok(std::iter::from_fn(move || match reader.read_record(&mut record) {
        Ok(true) => Some(table.entry(&record)),
        Ok(false) => None,
        Err(error) => Some(Err(error.into())),
    }))
}

/// Which columns make up an entry.
struct Table {
    key: String,
    key_index: usize,
    /// The start of the member, and the index of the column.
    columns: Vec<(String, usize)>,
}

impl Table {
    fn new(header: &StringRecord, fields: Fields) -> Result<Self, Error> {
        for (index, name) in header.iter().enumerate() {
            if header.iter().take(index).any(|earlier| earlier == name) {
                return Err(Error::other(format_args!("the header has the column `{name}` twice: rename one of them")));
            }
        }
        let find = |column: &str| {
            header.iter().position(|name| name == column).ok_or_else(|| {
                let names = header.iter().collect::<Vec<_>>().join("`, `");
                Error::invalid_settings(format_args!("there is no column `{column}`; the header has `{names}`"))
            })
        };
        let columns = match &fields.columns {
            None => header.iter().map(label).zip(0..).collect(),
            Some(columns) => columns.iter().map(|name| Ok((label(name), find(name)?))).collect::<Result<_, Error>>()?,
        };
        Ok(Self { key_index: find(&fields.key)?, key: fields.key, columns })
    }

    fn entry(&self, record: &StringRecord) -> Result<(String, Json), Error> {
        let key = &record[self.key_index];
        if key.is_empty() {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(Error::other(format_args!("line {line}: the key `{}` is empty", self.key)));
        }
        let mut value = Vec::from(b"{");
        for (label, index) in &self.columns {
            if value.len() > 1 {
                value.push(b',');
            }
            value.extend_from_slice(label.as_bytes());
            serde_json::to_writer(&mut value, &record[*index])?;
        }
        value.push(b'}');
        Ok((key.to_owned(), Json(String::from_utf8(value)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str, columns: Option<&[&str]>) -> Result<Vec<(String, String)>, Error> {
        let columns = columns.map(|columns| columns.iter().map(ToString::to_string).collect());
        let entries = records(text.as_bytes(), Fields { key: "iata".into(), columns }, b',')?;
        entries.map(|entry| entry.map(|(key, Json(value))| (key, value))).collect()
    }

    #[test]
    fn a_record_is_an_object_of_texts() {
        let text = "iata,name,fleet\nFR,\"Ryanair, \"\"DAC\"\"\",0576\n";
        let whole = [("FR".into(), r#"{"iata":"FR","name":"Ryanair, \"DAC\"","fleet":"0576"}"#.into())];
        assert_eq!(read(text, None).unwrap(), whole);
        assert_eq!(read(text, Some(&["fleet"])).unwrap(), [("FR".into(), r#"{"fleet":"0576"}"#.into())]);
        assert_eq!(read("iata,name\n", None).unwrap(), []);
    }

    #[test]
    fn the_error_for_a_bad_record_has_its_line() {
        let empty = read("iata,name\nFR,Ryanair\n,Nobody\n", None).unwrap_err();
        assert_eq!(empty.to_string(), "line 3: the key `iata` is empty");
        let short = read("iata,name\nFR\n", None).unwrap_err();
        assert!(short.to_string().contains("line: 2"), "{short}");
    }

    #[test]
    fn a_header_without_the_key_is_an_error() {
        let error = read("code,name\nFR,Ryanair\n", None).unwrap_err();
        assert!(error.is_invalid_settings());
        assert_eq!(error.to_string(), "there is no column `iata`; the header has `code`, `name`");
        let twice = read("iata,name,iata\n", None).unwrap_err();
        assert_eq!(twice.to_string(), "the header has the column `iata` twice: rename one of them");
    }
}
