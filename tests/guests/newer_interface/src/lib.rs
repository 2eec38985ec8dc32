//! A loader built against a later version of this contract, `kiwi:loader@0.1.1`, which has one interface more.

wit_bindgen::generate!({
    inline: "
        package kiwi:loader@0.1.1;

        interface entries {
            record entry { key: string, value: string }
            variant load-error { unavailable(string), invalid-settings(string), denied(string), other(string) }
        }

        interface sql {
            query: func(text: string) -> list<string>;
        }

        world loader {
            use entries.{entry, load-error};
            import sql;
            export load-from-source: func() -> result<list<entry>, load-error>;
        }
    ",
});

use kiwi::loader::sql;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        let rows = sql::query("select iata from airlines");
        Ok(rows.into_iter().map(|key| Entry { key, value: "1".into() }).collect())
    }
}

export!(Component);
