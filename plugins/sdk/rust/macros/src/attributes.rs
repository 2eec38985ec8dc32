//! What `#[setting(...)]` and `#[serde(...)]` say.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, ExprPath, Ident, LitStr, Result};

use crate::json;
use crate::rename::Rename;

/// The attributes of a struct or an enum.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) rename_all: Rename,
    /// Fields that are not set come from the struct's own `Default`.
    pub(crate) default: bool,
}

/// What a field is when it is not set.
#[derive(Default)]
pub(crate) enum Default {
    /// There is no default: it is required, unless its type is an `Option`.
    #[default]
    None,
    /// This JSON text.
    Json(String),
    /// The `Default` of its type.
    Trait,
    /// What this function returns.
    Function(ExprPath),
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) rename: Option<String>,
    pub(crate) default: Default,
    pub(crate) kind: Option<Ident>,
    pub(crate) deserialize_with: Option<ExprPath>,
    pub(crate) skip: bool,
    pub(crate) flatten: bool,
}

impl Container {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut container = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| container.serde(&meta))?;
        }
        if let Some(attribute) = attributes.iter().find(|attribute| attribute.path().is_ident("setting")) {
            return Err(syn::Error::new_spanned(attribute, "`setting` is valid only on a field: move it there"));
        }
        Ok(container)
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name(meta).as_str() {
            "rename_all" => {
                if let Some(rule) = text_for_reading(meta)? {
                    self.rename_all = Rename::parse(&rule)?;
                }
            }
            "default" if !has_value(meta) => self.default = true,
            // Unknown settings are always refused.
            "deny_unknown_fields" => {}
            // These are about writing.
            "into" | "rename" => skip_value(meta)?,
            name => return Err(unsupported(meta, name)),
        }
        Ok(())
    }
}

impl Field {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut field = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| field.serde(&meta))?;
            } else if attribute.path().is_ident("setting") {
                attribute.parse_nested_meta(|meta| field.setting(&meta))?;
            }
        }
        Ok(field)
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name(meta).as_str() {
            "rename" => {
                if let Some(name) = text_for_reading(meta)? {
                    self.rename = Some(name.value());
                }
            }
            "default" => {
                let default = if has_value(meta) { Default::Function(path(meta)?) } else { Default::Trait };
                self.set_default(meta, default)?;
            }
            "skip" | "skip_deserializing" => self.skip = true,
            "flatten" => self.flatten = true,
            "deserialize_with" => self.deserialize_with = Some(path(meta)?),
            "with" => {
                let mut path = path(meta)?;
                path.path.segments.push(Ident::new("deserialize", meta.path.segments[0].ident.span()).into());
                self.deserialize_with = Some(path);
            }
            // These are about writing.
            "skip_serializing" | "skip_serializing_if" | "serialize_with" => skip_value(meta)?,
            "alias" => {
                return Err(meta
                    .error("`alias` is not supported: the host refuses settings that the description does not name"));
            }
            name => return Err(unsupported(meta, name)),
        }
        Ok(())
    }

    fn setting(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name(meta).as_str() {
            "default" => {
                let value: Expr = meta.value()?.parse()?;
                self.set_default(meta, Default::Json(json::text(&value)?))
            }
            "kind" => {
                self.kind = Some(kind(&meta.value()?.parse()?)?);
                Ok(())
            }
            name => Err(meta.error(format!("`{name}` is not valid in `setting`: expected `default` or `kind`"))),
        }
    }

    fn set_default(&mut self, meta: &ParseNestedMeta<'_>, default: Default) -> Result<()> {
        if !matches!(self.default, Default::None) {
            return Err(meta.error("the default is given twice: remove one of them"));
        }
        self.default = default;
        Ok(())
    }
}

/// The name that serde reads an enum's variant by, if it is not the rule's.
pub(crate) fn renamed_variant(attributes: &[Attribute]) -> Result<Option<String>> {
    let mut rename = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| match name(&meta).as_str() {
            "rename" => {
                rename = text_for_reading(&meta)?.map(|text| text.value());
                Ok(())
            }
            name => Err(unsupported(&meta, name)),
        })?;
    }
    Ok(rename)
}

/// The variant of `SettingKind`.
fn kind(name: &Ident) -> Result<Ident> {
    const KINDS: [&str; 7] = ["text", "integer", "number", "boolean", "array", "table", "any"];
    let text = name.to_string();
    if !KINDS.contains(&text.as_str()) {
        let kinds = KINDS.map(|kind| format!("`{kind}`")).join(", ");
        return Err(syn::Error::new(name.span(), format!("`{text}` is not a valid kind: expected one of {kinds}")));
    }
    Ok(Ident::new(&Rename::Pascal.field(&text), name.span()))
}

/// `name = "text"`, or the half for reading of `name(serialize = "x", deserialize = "text")`.
fn text_for_reading(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>> {
    if has_value(meta) {
        return meta.value()?.parse().map(Some);
    }
    let mut text = None;
    meta.parse_nested_meta(|half| {
        let value: LitStr = half.value()?.parse()?;
        if half.path.is_ident("deserialize") {
            text = Some(value);
        }
        Ok(())
    })?;
    Ok(text)
}

fn path(meta: &ParseNestedMeta<'_>) -> Result<ExprPath> {
    let text: LitStr = meta.value()?.parse()?;
    text.parse()
}

fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if has_value(meta) {
        let _: Expr = meta.value()?.parse()?;
    }
    Ok(())
}

fn has_value(meta: &ParseNestedMeta<'_>) -> bool {
    meta.input.peek(syn::Token![=])
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map(ToString::to_string).unwrap_or_default()
}

fn unsupported(meta: &ParseNestedMeta<'_>, name: &str) -> syn::Error {
    meta.error(format!(
        "`{name}` of serde is not supported here; derive `serde::Deserialize` instead, and describe the settings \
         with `Setting`"
    ))
}
