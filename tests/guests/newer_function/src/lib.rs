//! A loader built against a later version of this contract, `kiwi:loader@0.1.2`, which has one function more.

wit_bindgen::generate!({
    inline: "
        package kiwi:loader@0.1.2;

        interface entries {
            record entry { key: string, value: string }
            variant load-error { unavailable(string), invalid-settings(string), denied(string), other(string) }
        }

        interface mark {
            published: func() -> option<string>;
            clear: func();
        }

        world loader {
            use entries.{entry, load-error};
            import mark;
            export load-from-source: func() -> result<list<entry>, load-error>;
        }
    ",
});

use kiwi::loader::mark;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        mark::clear();
        Ok(vec![Entry { key: "FR".into(), value: "1".into() }])
    }
}

export!(Component);
