//! A value with only one half of a surrogate pair, which no reader can decode.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: "half".into(), value: r#"{"name": "\ud800"}"#.into() }])
    }
}

export!(Component);
