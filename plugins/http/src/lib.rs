//! Loads rows by HTTP: a JSON object, a JSON array, NDJSON or CSV, on one page or several.
//!
//! Its mark is the response's `ETag` or `Last-Modified`: a server answers 304 to it if nothing has changed.

mod link;
mod pages;
mod settings;
mod source;
mod url;
mod validator;

use kiwi_loader::{Description, Error, Grant, Load, mark};
use pages::Walk;
use rows::{Entries, RowSettings};
use settings::Settings;
use source::{Answer, Source};

fn load_from_source(mut settings: Settings) -> Result<Load<Entries>, Error> {
    settings.check()?;
    let source = Source::new(&mut settings);
    let Settings { rows, pages, max_pages, .. } = settings;
    match pages {
        None => load_document(source, rows),
        Some(pages) => load_pages(Walk::new(source, pages, max_pages), rows),
    }
}

fn load_document(source: Source, rows: RowSettings) -> Result<Load<Entries>, Error> {
    let Answer::Document(response) = source.get_if_changed(&source.url)? else { return Ok(Load::Unchanged) };
    if let Some(validator) = source.validator(&response) {
        mark::set(&validator.to_mark());
    }
    let mut text = Some(source.text(response)?);
    Ok(Load::Entries(rows::entries(rows, move |_| Ok(text.take()))?))
}

fn load_pages(mut walk: Walk, rows: RowSettings) -> Result<Load<Entries>, Error> {
    let url = walk.first_url();
    let response = if walk.ends_in_the_page() {
        let Answer::Document(response) = walk.source.get_if_changed(&url)? else { return Ok(Load::Unchanged) };
        response
    } else {
        walk.source.get(&url)?
    };
    let validator = walk.source.validator(&response);
    walk.take(&url, response).map_err(|error| error.context("page 1"))?;
    if let Some(validator) = validator
        && walk.ends_in_the_page()
        && walk.is_at_the_end()
    {
        mark::set(&validator.to_mark());
    }
    Ok(Load::Entries(rows::entries(rows, move |rows| walk.next(rows))?))
}

fn describe() -> Description {
    Description::new("The rows of a JSON, NDJSON or CSV document, or of its pages, fetched by HTTP.")
        .settings::<Settings>()
        .grants_for(|settings: Settings| {
            let secrets = Grant::secrets_in(settings.headers.values().map(String::as_str), "to send `headers`");
            [Grant::http(&settings.url, "to get `url`")].into_iter().chain(secrets)
        })
}

kiwi_loader::loader!(load_from_source, describe);

#[cfg(test)]
mod tests;
