//! A key of 600 bytes.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: "k".repeat(600), value: "1".into() }])
    }
}

export!(Component);
