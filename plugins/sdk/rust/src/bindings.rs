//! What wit-bindgen generates from the contract. Only the module `host` calls its functions, and its types are public
//! only inside the types of the other modules.
//!
//! There is one set of types for both worlds: `described` owns them, `plain` borrows them.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated code")]

pub mod described {
    wit_bindgen::generate!({
        path: "wit",
        world: "described-loader",
        pub_export_macro: true,
        export_macro_name: "export_described",
        additional_derives: [PartialEq],
    });
}

pub mod plain {
    wit_bindgen::generate!({
        path: "wit",
        world: "loader",
        pub_export_macro: true,
        export_macro_name: "export_plain",
        with: {
            "kiwi:loader/entries@0.1.1": super::described::kiwi::loader::entries,
            "kiwi:loader/output@0.1.1": super::described::kiwi::loader::output,
            "kiwi:loader/settings@0.1.1": super::described::kiwi::loader::settings,
            "kiwi:loader/mark@0.1.1": super::described::kiwi::loader::mark,
            "kiwi:loader/log@0.1.1": super::described::kiwi::loader::log,
            "kiwi:loader/http@0.1.1": super::described::kiwi::loader::http,
            "kiwi:loader/sql@0.1.1": super::described::kiwi::loader::sql,
        },
    });
}

pub use described::kiwi::loader::{about, entries, http, log, sql};
#[cfg(target_family = "wasm")]
pub use described::kiwi::loader::{mark, output, settings};
