//! A loader that imports an interface that no kiwi-host offers.

wit_bindgen::generate!({
    path: "../../../wit",
    generate_all,
    inline: "
        package acme:app;

        world app {
            include kiwi:loader/loader@0.1.1;
            import acme:db/sql;
        }

        package acme:db {
            interface sql {
                query: func(text: string) -> list<string>;
            }
        }
    ",
});

use acme::db::sql;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        let rows = sql::query("select iata from airlines");
        Ok(rows.into_iter().map(|key| Entry { key, value: "1".into() }).collect())
    }
}

export!(Component);
