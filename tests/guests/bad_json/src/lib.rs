//! A value that is not JSON: it is cut off.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok(vec![Entry { key: "broken".into(), value: r#"{"name": "Ryan"#.into() }])
    }
}

export!(Component);
