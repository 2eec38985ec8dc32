//! Goes on with a connection whose first query took too long.

use kiwi_loader::{Error, Settings, sql};

#[derive(Settings)]
struct Settings {
    /// The query that takes too long.
    slow: String,
}

fn load_from_source(settings: Settings) -> Result<sql::Emitted, Error> {
    let shop = sql::open("shop")?;
    match shop.query(&settings.slow, sql::NONE) {
        Err(error) if error.is_unavailable() => {}
        Err(error) => return Err(error.context("the slow query")),
        Ok(_) => return Err(Error::other("the slow query was fast")),
    }
    loop {
        match shop.query("SELECT 'again' AS k", sql::NONE) {
            Err(error) if error.is_unavailable() => {}
            queried => return queried?.emit(["k"]),
        }
    }
}

kiwi_loader::loader!(load_from_source, "What a connection has after a query that took too long.");
