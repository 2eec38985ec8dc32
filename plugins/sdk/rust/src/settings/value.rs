//! Which types are settings, and of which kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::{num, rc, sync};

use serde_json::{Map, Number, Value};

use super::SettingKind;

/// The type of a setting, which says what kind of value the setting takes.
///
/// Derive it for an enum of choices, whose variants have no fields. The derive implements [`serde::Deserialize`], too,
/// and honours serde's `rename` and `rename_all`. The choices are part of the setting's help:
///
/// ```
/// use kiwi_loader::{DescribeSettings, Setting, SettingValue, Settings};
///
/// #[derive(SettingValue)]
/// #[serde(rename_all = "lowercase")]
/// enum Order {
///     Ascending,
///     Descending,
/// }
///
/// #[derive(Settings)]
/// struct Settings {
///     /// The order of the rows.
///     #[setting(default = "ascending")]
///     order: Order,
/// }
///
/// let order = Setting::text("order", "`ascending` or `descending`. The order of the rows.");
/// assert_eq!(Settings::settings(), [order.default_value("ascending")]);
/// ```
///
/// A field of any other type can be given its kind: `#[setting(kind = text)]`.
#[diagnostic::on_unimplemented(
    message = "the kind of a setting of the type `{Self}` is not known",
    label = "this type does not implement `SettingValue`",
    note = "give the field a kind, for example `#[setting(kind = text)]`",
    note = "or derive `SettingValue` for an enum of choices, `Settings` for a table with fixed names"
)]
pub trait SettingValue {
    /// The kind of JSON value it is read from.
    const KIND: SettingKind;

    /// The texts that are valid, where there are only so many.
    const CHOICES: &'static [&'static str] = &[];
}

macro_rules! kinds {
    ($($kind:ident: $($type:ty),*;)*) => {
        $($(impl SettingValue for $type {
            const KIND: SettingKind = SettingKind::$kind;
        })*)*
    };
}

kinds! {
    Text: String, Box<str>, rc::Rc<str>, sync::Arc<str>, Cow<'_, str>, char, PathBuf;
    Text: IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr;
    Integer: u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize;
    Integer: num::NonZeroU8, num::NonZeroU16, num::NonZeroU32, num::NonZeroU64, num::NonZeroUsize;
    Integer: num::NonZeroI8, num::NonZeroI16, num::NonZeroI32, num::NonZeroI64, num::NonZeroIsize;
    Number: f32, f64, Number;
    Boolean: bool;
    Table: Map<String, Value>;
    Any: Value;
}

macro_rules! containers {
    ($($kind:ident: [$($parameter:tt)*] $type:ty;)*) => {
        $(impl<$($parameter)*> SettingValue for $type {
            const KIND: SettingKind = SettingKind::$kind;
        })*
    };
}

containers! {
    Array: [T] Vec<T>;
    Array: [T] Box<[T]>;
    Array: [T] VecDeque<T>;
    Array: [T] BTreeSet<T>;
    Array: [T, S] HashSet<T, S>;
    Array: [T, const N: usize] [T; N];
    Array: [A, B] (A, B);
    Array: [A, B, C] (A, B, C);
    Table: [K, V] BTreeMap<K, V>;
    Table: [K, V, S] HashMap<K, V, S>;
}

impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: SettingKind = T::KIND;
    const CHOICES: &'static [&'static str] = T::CHOICES;
}

impl<T: SettingValue> SettingValue for Box<T> {
    const KIND: SettingKind = T::KIND;
    const CHOICES: &'static [&'static str] = T::CHOICES;
}
