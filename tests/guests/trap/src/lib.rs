//! Traps inside a named function, which the backtrace must show.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u32)>, Error> {
    read_the_source()
}

#[inline(never)]
fn read_the_source() -> ! {
    std::process::abort()
}

kiwi_loader::loader!(load_from_source);
