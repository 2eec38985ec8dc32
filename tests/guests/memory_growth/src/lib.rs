//! Allocates memory forever.

use kiwi_loader::Error;

fn load_from_source() -> Result<Vec<(String, u32)>, Error> {
    let mut taken = Vec::new();
    loop {
        taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

kiwi_loader::loader!(load_from_source);
