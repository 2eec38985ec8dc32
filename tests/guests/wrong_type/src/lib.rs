//! Exports `load-from-source` with another type than the contract's.

wit_bindgen::generate!({
    inline: "
        package acme:odd;

        world odd {
            export load-from-source: func() -> list<string>;
        }
    ",
});

struct Component;

impl Guest for Component {
    fn load_from_source() -> Vec<String> {
        vec!["FR".into()]
    }
}

export!(Component);
