//! Writes its setting `stderr` to standard error, then traps: as runtimes of other languages do when nobody catches an
//! exception. With `exit`, it exits with that code instead.

use kiwi_loader::Error;
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    stderr: String,
    exit: Option<i32>,
}

fn load_from_source(settings: Settings) -> Result<Vec<(String, u32)>, Error> {
    eprint!("{}", settings.stderr);
    match settings.exit {
        Some(code) => std::process::exit(code),
        None => std::process::abort(),
    }
}

kiwi_loader::loader!(load_from_source);
