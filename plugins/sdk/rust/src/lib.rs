//! Write a loader for kiwi-host in Rust.
//!
//! A loader is one function that returns a map. The host calls it on a schedule, in a sandbox, and publishes what it
//! returns to Redis in one atomic step.
//!
//! ```
//! use std::collections::BTreeMap;
//! use kiwi_loader::Error;
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Airline {
//!     name: &'static str,
//!     country: &'static str,
//! }
//!
//! fn load_from_source() -> Result<BTreeMap<&'static str, Airline>, Error> {
//!     Ok(BTreeMap::from([("FR", Airline { name: "Ryanair", country: "IE" })]))
//! }
//!
//! kiwi_loader::loader!(load_from_source, "Airlines by their code.");
//! ```
//!
//! Its crate is a `cdylib`, built by `cargo build --release --target wasm32-wasip2`.
//!
//! - **What it returns**: a `HashMap`, a `BTreeMap`, a `Vec` of pairs, or any iterator of pairs or of `Result`s of
//!   pairs; keys are `ToString`, values [`serde::Serialize`]. A large map is sent in batches while the iterator runs,
//!   so that a lazy one needs no memory for the whole map. [`Json`] is a value that is JSON text already; it is
//!   published as it is written, each digit kept.
//! - **Errors**: `?` works on any error, and the function may return `anyhow::Result`. [`Error`] says how to tell the
//!   host what to do next.
//! - **Settings**: the function may take one argument, a struct that [derives `Settings`](macro@Settings) or any
//!   [`serde::Deserialize`] type: `fn load_from_source(settings: Settings)`.
//! - **Loading only what has changed**: [`mark`] and [`Load::Unchanged`].
//! - **The world outside**: [`http`]; databases by [`sql`]; files and environment variables through `std`, where they are granted; [`log`].
//! - **Secrets that the loader never sees**: `${secret:NAME}` in the value of a header, and [`Grant::secret`].
//! - **What the operator is shown**: [`loader!`] and [`Description`].
//! - **Unit tests**: [`testing`] stands in for the host.
//!
//! A panic is a trap: the load fails, and the host shows the message and the backtrace.
//!
//! # Features
//!
//! - `anyhow` (default): this crate's errors convert into `anyhow::Error` and back, and keep their kind.

// The derive macros name this crate as authors do.
#[cfg(test)]
extern crate self as kiwi_loader;

#[doc(hidden)]
pub mod bindings;
mod description;
mod entry;
mod error;
mod grant;
mod host;
pub mod http;
mod loader;
pub mod log;
pub mod mark;
#[doc(hidden)]
pub mod private;
mod setting;
mod settings;
pub mod sql;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use description::Description;
pub use entry::{IntoEntry, IntoLoad, Json, Load};
pub use error::{Error, ErrorKind};
pub use grant::Grant;
pub use loader::Loader;
pub use setting::Setting;
pub use settings::{DescribeSettings, SettingKind, SettingValue, settings};

pub use kiwi_loader_macros::SettingValue;

/// Makes a struct the settings of a loader: each field is a setting, read and described by this one declaration.
///
/// ```
/// use std::collections::BTreeMap;
/// use kiwi_loader::{DescribeSettings, Setting, Settings};
///
/// #[derive(Settings)]
/// #[serde(rename_all = "kebab-case")]
/// struct Settings {
///     /// Where to get the rates.
///     base_url: String,
///     /// The code of the base currency.
///     #[setting(default = "EUR")]
///     currency: String,
///     /// How many days to go back; not set: all.
///     days: Option<u32>,
///     /// Headers to send.
///     #[serde(default)]
///     headers: BTreeMap<String, String>,
/// }
///
/// assert_eq!(
///     Settings::settings(),
///     [
///         Setting::text("base-url", "Where to get the rates.").required(),
///         Setting::text("currency", "The code of the base currency.").default_value("EUR"),
///         Setting::integer("days", "How many days to go back; not set: all."),
///         Setting::table("headers", "Headers to send."),
///     ]
/// );
///
/// let settings: Settings = serde_json::from_str(r#"{ "base-url": "https://example.com" }"#)?;
/// assert_eq!((settings.currency.as_str(), settings.days), ("EUR", None));
/// let misspelt = serde_json::from_str::<Settings>(r#"{ "base-uri": "https://example.com" }"#);
/// assert!(misspelt.is_err_and(|error| error.to_string().starts_with("`base-uri` is not a setting of this loader")));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The derive implements [`serde::Deserialize`] and [`DescribeSettings`], so do not derive `Deserialize` as well.
/// Settings that the struct does not have are refused. The first paragraph of a field's doc comment is the help that
/// the operator sees. The kind of a setting follows from the field's type, which is a [`SettingValue`]: that includes
/// enums of choices, and other structs that derive `Settings`, whose values are tables.
///
/// A setting is required unless it has a default or its type is an `Option`.
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[setting(default = "EUR")]` | the value when it is not set, as an operator would write it: a text, a number, `true`, `false` or an array of these |
/// | `#[setting(kind = text)]` | the kind, for a type that is not a `SettingValue`: `text`, `integer`, `number`, `boolean`, `array`, `table` or `any` |
/// | `#[serde(default)]`, `#[serde(default = "path")]` | as in serde; the default is shown if it is not empty, so its type must be [`serde::Serialize`] |
/// | `#[serde(rename = "name")]`, `#[serde(skip)]` | as in serde |
/// | `#[serde(flatten)]` | the settings of another struct that derives `Settings`, among the others |
/// | `#[serde(deserialize_with = "path")]`, `#[serde(with = "module")]` | as in serde; needs a `kind` |
/// | on the struct: `#[serde(rename_all = "..")]`, `#[serde(default)]` | as in serde |
///
/// Any other attribute of serde is refused by the compiler.
pub use kiwi_loader_macros::Settings;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
