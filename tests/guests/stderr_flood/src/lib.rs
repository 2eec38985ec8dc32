//! Writes 200 MiB to stderr without a line feed, then loads a valid map.

use std::io::Write;

use kiwi_loader::Error;

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    let block = [b'x'; 4096];
    let mut stderr = std::io::stderr();
    for _ in 0..51_200 {
        stderr.write_all(&block)?;
    }
    Ok([("mebibytes", 200)])
}

kiwi_loader::loader!(load_from_source);
