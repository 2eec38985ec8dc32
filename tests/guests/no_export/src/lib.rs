//! A component of another world, without `load-from-source`.

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
        "this is not a loader".into()
    }
}

export!(Component);
