//! Panics: it writes a message to stderr, then traps.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u32)>, Error> {
    parse_the_row("not a number")
}

#[inline(never)]
fn parse_the_row(row: &str) -> Result<Vec<(String, u32)>, Error> {
    panic!("row 17 is `{row}`")
}

kiwi_loader::loader!(load_from_source);
