//! A component of another world: it has no `load-from-source`.

wit_bindgen::generate!({
    inline: "
        package acme:tool;

        world tool {
            export run: func() -> string;
        }
    ",
});

struct Component;

impl Guest for Component {
    fn run() -> String {
        "this is no loader".into()
    }
}

export!(Component);
