//! A value of 100,000 nested arrays.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: "deep".into(), value: "[".repeat(100_000) + &"]".repeat(100_000) }])
    }
}

export!(Component);
