//! The same key twice in one batch.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

use kiwi::loader::output;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        output::emit(&[entry("LH", "1"), entry("FR", "2"), entry("FR", "3")])?;
        Ok(Vec::new())
    }
}

export!(Component);
