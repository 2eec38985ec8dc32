//! Gets each of `urls` and reads it to its end. The entry `read` is the number of bytes.

use std::io;

use kiwi_loader::{Error, http};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    urls: Vec<String>,
}

fn load_from_source(settings: Settings) -> Result<[(&'static str, u64); 1], Error> {
    let mut read = 0;
    for url in settings.urls {
        read += io::copy(&mut http::get(url).send()?, &mut io::sink())?;
    }
    Ok([("read", read)])
}

kiwi_loader::loader!(load_from_source);
