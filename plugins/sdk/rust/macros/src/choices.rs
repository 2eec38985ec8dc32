//! `#[derive(SettingValue)]`: an enum of choices, each of them a text.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::attributes::{Container, renamed_variant};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::parse(&input.attrs)?;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`SettingValue` is for enums; derive `Settings` for a struct, whose value is a table",
        ));
    };
    let mut idents = Vec::new();
    let mut names = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a choice is a text: its variant has no fields"));
        }
        let name = match renamed_variant(&variant.attrs)? {
            Some(name) => name,
            None => container.rename_all.variant(&variant.ident.unraw().to_string()),
        };
        if names.contains(&name) {
            return Err(Error::new_spanned(variant, format!("two choices are named `{name}`: rename one of them")));
        }
        idents.push(&variant.ident);
        names.push(name);
    }
    if names.is_empty() {
        return Err(Error::new_spanned(&input.ident, "there is nothing to choose from: add a variant"));
    }
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::kiwi_loader::SettingValue for #name {
            const KIND: ::kiwi_loader::SettingKind = ::kiwi_loader::SettingKind::Text;
            const CHOICES: &'static [&'static str] = &[#(#names),*];
        }

        #[automatically_derived]
        impl<'de> ::kiwi_loader::private::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::kiwi_loader::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::kiwi_loader::private::choice(deserializer, &[#((#names, || Self::#idents)),*])
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn refusal(input: DeriveInput) -> String {
        derive(&input).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_a_set_of_texts_is_refused() {
        assert!(refusal(parse_quote! { struct S { a: u32 } }).contains("derive `Settings`"));
        assert!(refusal(parse_quote! { enum E { A(u32) } }).contains("its variant has no fields"));
        assert!(refusal(parse_quote! { enum E { #[serde(other)] A } }).contains("`other` of serde"));
        assert!(refusal(parse_quote! { enum E { A, #[serde(rename = "A")] B } }).contains("named `A`"));
        assert!(refusal(parse_quote! { enum E {} }).contains("add a variant"));
    }
}
