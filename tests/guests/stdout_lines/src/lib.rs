//! Writes to stdout and stderr: plain lines, escape codes, bytes that are not UTF-8, and a last line without a line feed.

use std::io::Write;

use kiwi_loader::Error;

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    println!("a line on stdout");
    eprintln!("a line on stderr");
    println!("\x1b[31mred\x1b[0m and a carriage return\rover it");
    std::io::stdout().write_all(b"not \xff UTF-8\n")?;
    print!("half ");
    print!("and half");
    std::io::stdout().flush()?;
    Ok([("lines", 5)])
}

kiwi_loader::loader!(load_from_source);
