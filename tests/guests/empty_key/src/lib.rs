//! An entry without a key.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: String::new(), value: "1".into() }])
    }
}

export!(Component);
