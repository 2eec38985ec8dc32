//! The derive macros of [kiwi-loader](https://docs.rs/kiwi-loader), which documents them and re-exports them.

mod attributes;
mod choices;
mod doc;
mod field;
mod json;
mod rename;
mod structure;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

#[allow(missing_docs, reason = "documented where kiwi-loader re-exports it")]
#[proc_macro_derive(Settings, attributes(setting, serde))]
pub fn settings(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    structure::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

#[allow(missing_docs, reason = "documented where kiwi-loader re-exports it")]
#[proc_macro_derive(SettingValue, attributes(serde))]
pub fn setting_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choices::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
