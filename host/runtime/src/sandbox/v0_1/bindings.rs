//! What wit/loader.wit says, as Rust: generated, never edited.
#![allow(missing_docs, unreachable_pub, reason = "generated from wit/loader.wit, which has the documentation")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "loader",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "kiwi:loader/http.response": crate::sandbox::response::Response,
        "kiwi:loader/sql.connection": crate::sandbox::sql::Connection,
        "kiwi:loader/sql.rows": crate::sandbox::sql::Rows,
    },
});
