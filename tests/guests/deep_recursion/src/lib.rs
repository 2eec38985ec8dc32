//! Calls itself until the stack overflows.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u64)>, Error> {
    Ok(vec![("depth".into(), deeper(0))])
}

#[expect(unconditional_recursion, reason = "it is what this guest is for")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth) + 1)) + 1
}

kiwi_loader::loader!(load_from_source);
