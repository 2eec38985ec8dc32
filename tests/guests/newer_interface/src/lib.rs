//! A loader built against a later version of this contract, `kiwi:loader@0.1.2`, which has one interface more.

wit_bindgen::generate!({
    inline: "
        package kiwi:loader@0.1.2;

        interface entries {
            record entry { key: string, value: string }
            variant load-error { unavailable(string), invalid-settings(string), denied(string), other(string) }
        }

        interface queues {
            receive: func(queue: string) -> list<string>;
        }

        world loader {
            use entries.{entry, load-error};
            import queues;
            export load-from-source: func() -> result<list<entry>, load-error>;
        }
    ",
});

use kiwi::loader::queues;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        let rows = queues::receive("airlines");
        Ok(rows.into_iter().map(|key| Entry { key, value: "1".into() }).collect())
    }
}

export!(Component);
