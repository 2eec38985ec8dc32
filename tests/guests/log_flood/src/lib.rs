//! Logs 200,000 lines of 1 KiB, then loads a valid map.

use kiwi_loader::{Error, log};

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    let line = "x".repeat(1024);
    for n in 0..200_000 {
        log::info!("{n} {line}");
    }
    Ok([("lines", 200_000)])
}

kiwi_loader::loader!(load_from_source);
