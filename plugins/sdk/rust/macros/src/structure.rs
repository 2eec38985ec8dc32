//! `#[derive(Settings)]`: a struct whose fields are settings.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::attributes::Container;
use crate::field::{Field, Role};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new(
            input.generics.span(),
            "settings cannot be generic: they are described once and for all",
        ));
    }
    let container = Container::parse(&input.attrs)?;
    let fields = fields(input)?.iter().map(|field| Field::new(field, &container)).collect::<Result<Vec<_>>>()?;
    refuse_repeated_names(&fields)?;

    let name = &input.ident;
    let idents = fields.iter().map(|field| field.ident);
    let values = fields.iter().map(|field| field.read(&container));
    let names = fields.iter().map(Field::name);
    let descriptions = fields.iter().map(|field| field.describe(&container));
    let default = container.default.then(|| quote!(let default = <Self as ::core::default::Default>::default();));
    Ok(quote! {
        #[automatically_derived]
        impl ::kiwi_loader::DescribeSettings for #name {
            fn settings() -> ::std::vec::Vec<::kiwi_loader::Setting> {
                #[allow(unused_mut, reason = "there may be no settings")]
                let mut settings = ::std::vec::Vec::new();
                #default
                #(#descriptions)*
                settings
            }

            fn names() -> ::std::vec::Vec<&'static str> {
                #[allow(unused_mut, reason = "there may be no settings")]
                let mut names = ::std::vec::Vec::new();
                #(#names)*
                names
            }

            fn take(
                source: &mut ::kiwi_loader::private::Source,
            ) -> ::core::result::Result<Self, ::kiwi_loader::private::Problem> {
                #default
                ::core::result::Result::Ok(Self { #(#idents: #values,)* })
            }
        }

        #[automatically_derived]
        impl ::kiwi_loader::SettingValue for #name {
            const KIND: ::kiwi_loader::SettingKind = ::kiwi_loader::SettingKind::Table;
        }

        #[automatically_derived]
        impl<'de> ::kiwi_loader::private::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::kiwi_loader::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::kiwi_loader::private::settings(deserializer)
            }
        }
    })
}

fn fields(input: &DeriveInput) -> Result<&Fields> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) => Err(Error::new(fields.span(), "settings have names: give the fields names")),
            fields => Ok(fields),
        },
        Data::Enum(data) => Err(Error::new(
            data.enum_token.span,
            "`Settings` is for structs; derive `SettingValue` for an enum that is one setting's value",
        )),
        Data::Union(data) => Err(Error::new(data.union_token.span, "`Settings` is for structs")),
    }
}

fn refuse_repeated_names(fields: &[Field<'_>]) -> Result<()> {
    let mut names = BTreeSet::new();
    for field in fields {
        if let Role::Setting(setting) = &field.role
            && !names.insert(&setting.name)
        {
            let name = &setting.name;
            return Err(Error::new(field.ident.span(), format!("two settings are named `{name}`: rename one of them")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn refusal(input: DeriveInput) -> String {
        derive(&input).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_described_is_refused_with_a_reason() {
        assert!(refusal(parse_quote! { struct S<T> { a: T } }).contains("cannot be generic"));
        assert!(refusal(parse_quote! { struct S(u32); }).contains("give the fields names"));
        assert!(refusal(parse_quote! { enum E { A } }).contains("derive `SettingValue`"));
        assert!(
            refusal(parse_quote! { struct S { #[serde(alias = "b")] a: u32 } }).contains("`alias` is not supported")
        );
        assert!(refusal(parse_quote! { struct S { #[serde(borrow)] a: u32 } }).contains("`borrow` of serde"));
        assert!(refusal(parse_quote! { #[serde(untagged)] struct S { a: u32 } }).contains("`untagged` of serde"));
        assert!(refusal(parse_quote! { struct S { #[setting(kind = date)] a: u32 } }).contains("not a valid kind"));
        assert!(
            refusal(parse_quote! { struct S { #[setting(help = "x")] a: u32 } }).contains("not valid in `setting`")
        );
        assert!(refusal(parse_quote! { struct S { #[serde(with = "x")] a: u32 } }).contains("add its kind"));
        assert!(refusal(parse_quote! { struct S { #[serde(flatten, default)] a: A } }).contains("flattened field"));
        assert!(refusal(parse_quote! { struct S { #[serde(skip, rename = "b")] a: A } }).contains("skipped field"));
        assert!(
            refusal(parse_quote! { struct S { #[serde(default)] #[setting(default = 1)] a: u32 } })
                .contains("the default is given twice")
        );
        assert!(
            refusal(parse_quote! { #[serde(rename_all = "kebab")] struct S { a: u32 } })
                .contains("`kebab` is not a valid `rename_all`")
        );
        assert_eq!(
            refusal(parse_quote! { struct S { a: u32, #[serde(rename = "a")] b: u32 } }),
            "two settings are named `a`: rename one of them"
        );
    }
}
