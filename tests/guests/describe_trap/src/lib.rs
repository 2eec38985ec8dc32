//! Loads a valid map, but its `describe` traps.

use kiwi_loader::{Description, Error};

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    Ok([("FR", 1)])
}

fn describe() -> Description {
    panic!("it cannot say what it is")
}

kiwi_loader::loader!(load_from_source, describe);
