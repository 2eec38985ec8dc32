//! Tries to read each of `paths` and to write each of `writes`. The result of each attempt is an entry. Fails if the file
//! `needed` cannot be read.

use std::fs;

use kiwi_loader::Error;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Settings {
    #[serde(default = "default_paths")]
    paths: Vec<String>,
    #[serde(default)]
    writes: Vec<String>,
    needed: Option<String>,
}

fn default_paths() -> Vec<String> {
    ["..", "../kiwi.toml", "../../../../../../etc/passwd", "/etc/passwd", "/proc/self/environ", "/"]
        .map(String::from)
        .into()
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Read(String),
    Listed(usize),
    Written,
    Refused(String),
}

fn load_from_source(settings: Settings) -> Result<Vec<(String, Outcome)>, Error> {
    let reads = settings.paths.into_iter().map(|path| (format!("read {path}"), read(&path)));
    let writes = settings.writes.into_iter().map(|path| (format!("write {path}"), write(&path)));
    let attempts = reads.chain(writes).collect();
    if let Some(path) = settings.needed {
        fs::read(path)?;
    }
    Ok(attempts)
}

fn read(path: &str) -> Outcome {
    if let Ok(listing) = fs::read_dir(path) {
        return Outcome::Listed(listing.count());
    }
    match fs::read(path) {
        Ok(bytes) => Outcome::Read(String::from_utf8_lossy(&bytes).into()),
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

fn write(path: &str) -> Outcome {
    match fs::write(path, "written by a guest") {
        Ok(()) => Outcome::Written,
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

kiwi_loader::loader!(load_from_source);
