//! One field of a struct of settings: how it is read, and how it is described.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Ident, Result, Type};

use crate::attributes::{self, Container, Default};
use crate::doc;

/// One field.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) role: Role,
    ty: &'a Type,
    default: Default,
    help: String,
}

/// What a field is to the operator.
pub(crate) enum Role {
    /// A setting of this name.
    Setting(Setting),
    /// A struct whose settings stand among the others.
    Flatten,
    /// Nothing: it always is its default.
    Skip,
}

pub(crate) struct Setting {
    pub(crate) name: String,
    kind: Option<Ident>,
    deserialize_with: Option<syn::ExprPath>,
}

impl<'a> Field<'a> {
    pub(crate) fn new(field: &'a syn::Field, container: &Container) -> Result<Self> {
        let attributes = attributes::Field::parse(&field.attrs)?;
        let ident = field.ident.as_ref().ok_or_else(|| Error::new(field.span(), "a setting needs a name"))?;
        let help = doc::first_paragraph(&field.attrs);
        let attributes::Field { rename, default, kind, deserialize_with, skip, flatten } = attributes;
        let has_own = rename.is_some() || kind.is_some() || deserialize_with.is_some();
        let role = match (skip, flatten) {
            (true, true) => return Err(Error::new(field.span(), "`skip` and `flatten` exclude each other")),
            (true, false) if has_own => {
                return Err(Error::new(field.span(), "a skipped field is not a setting: it takes only a default"));
            }
            (false, true) if has_own || !matches!(default, Default::None) => {
                return Err(Error::new(
                    field.span(),
                    "a flattened field takes no other attribute: its own fields have the names and defaults",
                ));
            }
            (true, false) => Role::Skip,
            (false, true) => Role::Flatten,
            (false, false) => {
                if deserialize_with.is_some() && kind.is_none() {
                    return Err(Error::new(
                        field.span(),
                        "what this is read from is not known: add its kind, for example `#[setting(kind = text)]`",
                    ));
                }
                let name = rename.unwrap_or_else(|| container.rename_all.field(&ident.unraw().to_string()));
                Role::Setting(Setting { name, kind, deserialize_with })
            }
        };
        Ok(Self { ident, role, ty: &field.ty, default, help })
    }

    /// The field's value, taken out of `source`.
    pub(crate) fn read(&self, container: &Container) -> TokenStream {
        let ty = self.ty;
        let setting = match &self.role {
            Role::Flatten => {
                return quote_spanned!(ty.span()=> <#ty as ::kiwi_loader::DescribeSettings>::take(source)?);
            }
            Role::Skip => return self.default_value(container).unwrap_or_else(|| type_default(ty)),
            Role::Setting(setting) => setting,
        };
        let name = &setting.name;
        let deserialize = self.deserialize(setting);
        match (&self.default, self.default_value(container)) {
            (Default::Json(json), _) => quote!(source.or_json(#name, #deserialize, #json)?),
            (_, Some(value)) => quote!(source.or_else(#name, #deserialize, || #value)?),
            (_, None) if setting.deserialize_with.is_some() => quote!(source.required(#name, #deserialize)?),
            (_, None) => quote_spanned!(ty.span()=> source.get::<#ty>(#name)?),
        }
    }

    /// Adds the field's name to the vector `names`.
    pub(crate) fn name(&self) -> TokenStream {
        let ty = self.ty;
        match &self.role {
            Role::Setting(Setting { name, .. }) => quote!(names.push(#name);),
            Role::Flatten => {
                quote_spanned!(ty.span()=> names.extend(<#ty as ::kiwi_loader::DescribeSettings>::names());)
            }
            Role::Skip => TokenStream::new(),
        }
    }

    /// Adds the field's description to the vector `settings`.
    pub(crate) fn describe(&self, container: &Container) -> TokenStream {
        let ty = self.ty;
        let setting = match &self.role {
            Role::Flatten => {
                return quote_spanned!(ty.span()=>
                    settings.extend(<#ty as ::kiwi_loader::DescribeSettings>::settings());
                );
            }
            Role::Skip => return TokenStream::new(),
            Role::Setting(setting) => setting,
        };
        let (name, help) = (&setting.name, &self.help);
        let new = match &setting.kind {
            Some(kind) => quote!(::kiwi_loader::Setting::new(::kiwi_loader::SettingKind::#kind, #name, #help)),
            None => quote_spanned!(ty.span()=> ::kiwi_loader::private::describe::<#ty>(#name, #help)),
        };
        let described = match (&self.default, self.default_value(container)) {
            (Default::Json(json), _) => {
                let deserialize = self.deserialize(setting);
                quote!(::kiwi_loader::private::with_json_default::<#ty>(#new, #deserialize, #json))
            }
            (_, Some(value)) => {
                quote_spanned!(ty.span()=> ::kiwi_loader::private::with_default::<#ty>(#new, &#value))
            }
            (_, None) if setting.deserialize_with.is_some() => quote!(#new.required()),
            (_, None) => quote_spanned!(ty.span()=> ::kiwi_loader::private::without_default::<#ty>(#new)),
        };
        quote!(settings.push(#described);)
    }

    /// The function that reads the field's value.
    fn deserialize(&self, setting: &Setting) -> TokenStream {
        let ty = self.ty;
        match &setting.deserialize_with {
            None => quote_spanned!(ty.span()=> ::kiwi_loader::private::deserialize::<#ty>),
            Some(path) => {
                quote_spanned!(path.span()=> |value| #path(value).map_err(::kiwi_loader::private::Problem::new))
            }
        }
    }

    /// The value of a field that is not set, where Rust code gives it.
    fn default_value(&self, container: &Container) -> Option<TokenStream> {
        let (ident, ty) = (self.ident, self.ty);
        match &self.default {
            Default::Function(path) => Some(quote_spanned!(path.span()=> #path())),
            Default::Trait => Some(type_default(ty)),
            Default::None if container.default => Some(quote!(default.#ident)),
            // The JSON of a skipped field, too, is read by serde.
            Default::Json(json) if matches!(self.role, Role::Skip) => {
                Some(quote!(::kiwi_loader::private::json_default::<#ty>("", #json)))
            }
            Default::None | Default::Json(_) => None,
        }
    }
}

fn type_default(ty: &Type) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default())
}
