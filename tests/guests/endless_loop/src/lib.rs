//! Never returns, and never calls the host.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u32)>, Error> {
    let mut rounds = 0_u64;
    loop {
        rounds = std::hint::black_box(rounds.wrapping_add(1));
    }
}

kiwi_loader::loader!(load_from_source);
