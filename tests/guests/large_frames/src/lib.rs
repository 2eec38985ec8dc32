//! Calls itself with 16 KiB on the stack each time: the stack that Rust keeps in the memory ends before WebAssembly's
//! own does.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u64)>, Error> {
    Ok(vec![("depth".into(), deeper(&[1; 16 << 10]))])
}

#[expect(unconditional_recursion, reason = "it is what this guest is for")]
#[inline(never)]
fn deeper(above: &[u8; 16 << 10]) -> u64 {
    let mut mine = *above;
    mine[0] += 1;
    deeper(std::hint::black_box(&mine)) + u64::from(std::hint::black_box(mine)[1])
}

kiwi_loader::loader!(load_from_source);
