//! A loader built against a newer contract, `kiwi:loader@0.2.0`.

wit_bindgen::generate!({
    inline: "
        package kiwi:loader@0.2.0;

        interface entries {
            record entry { key: string, value: string, tags: list<string> }
            variant load-error { other(string) }
        }

        interface output {
            use entries.{entry, load-error};
            emit: func(batch: list<entry>) -> result<_, load-error>;
        }

        world loader {
            use entries.{entry, load-error};
            import output;
            export load-from-source: func() -> result<list<entry>, load-error>;
        }
    ",
});

use kiwi::loader::output;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        output::emit(&[Entry { key: "FR".into(), value: "1".into(), tags: Vec::new() }])?;
        Ok(Vec::new())
    }
}

export!(Component);
