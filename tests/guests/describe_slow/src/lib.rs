//! Loads a valid map, but its `describe` never returns.

use kiwi_loader::{Description, Error};

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    Ok([("FR", 1)])
}

fn describe() -> Description {
    let mut rounds = 0_u64;
    loop {
        rounds = std::hint::black_box(rounds.wrapping_add(1));
    }
}

kiwi_loader::loader!(load_from_source, describe);
