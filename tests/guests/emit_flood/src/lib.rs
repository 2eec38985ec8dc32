//! Emits entries forever, each key once.

use kiwi_loader::Error;

fn load_from_source() -> Result<impl Iterator<Item = (u64, &'static str)>, Error> {
    Ok((0..).map(|n| (n, "more")))
}

kiwi_loader::loader!(load_from_source);
