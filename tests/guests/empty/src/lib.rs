//! An empty map.

use kiwi_loader::Error;

fn load_from_source() -> Result<[(String, u32); 0], Error> {
    Ok([])
}

kiwi_loader::loader!(load_from_source);
