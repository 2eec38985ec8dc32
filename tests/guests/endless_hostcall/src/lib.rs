//! Calls the host forever; each call is harmless.

use kiwi_loader::{Error, mark};

fn load_from_source() -> Result<Vec<(String, u32)>, Error> {
    loop {
        std::hint::black_box(mark::published());
    }
}

kiwi_loader::loader!(load_from_source);
