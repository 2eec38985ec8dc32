//! Always reports `unchanged`, even if nothing is published.

use kiwi_loader::{Error, Load};

fn load_from_source() -> Result<Load<Vec<(String, u32)>>, Error> {
    Ok(Load::Unchanged)
}

kiwi_loader::loader!(load_from_source);
