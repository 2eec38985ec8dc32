//! Sets a mark. From the second load on it reports `unchanged` but returns entries, too.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

use kiwi::loader::mark;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        if mark::published().is_some() {
            mark::unchanged();
        }
        mark::set("1");
        Ok(vec![Entry { key: "FR".into(), value: "1".into() }])
    }
}

export!(Component);
