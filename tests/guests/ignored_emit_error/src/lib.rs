//! Emits an entry that the host refuses, and ignores the error.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

use kiwi::loader::output;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        let refused = output::emit(&[Entry { key: "broken".into(), value: "nul".into() }]);
        assert!(refused.is_err(), "the host accepted a value that is not JSON");
        let _ = output::emit(&[Entry { key: "FR".into(), value: "1".into() }]);
        Ok(vec![Entry { key: "LH".into(), value: "2".into() }])
    }
}

export!(Component);
