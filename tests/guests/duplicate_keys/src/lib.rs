//! The same key in the first batch, and again after 5,000 others.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

use kiwi::loader::output;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        output::emit(&[Entry { key: "FR".into(), value: "1".into() }])?;
        for batch in 0..5 {
            let entry = |n| Entry { key: format!("{batch}-{n}"), value: "0".into() };
            output::emit(&(0..1_000).map(entry).collect::<Vec<_>>())?;
        }
        Ok(vec![Entry { key: "FR".into(), value: "2".into() }])
    }
}

export!(Component);
