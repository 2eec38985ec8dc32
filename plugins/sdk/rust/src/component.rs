//! Makes a component of an author's functions: what [`loader!`](crate::loader) expands to.

use serde::de::DeserializeOwned;

use crate::bindings::about;
use crate::bindings::entries::{Entry, LoadError};
use crate::entry::in_batches;
use crate::{Description, Error, IntoLoad, Load, bindings, log, settings};

/// Makes a function the loader of this component; with a second one, which returns a [`Description`](crate::Description),
/// the component also describes itself.
///
/// ```
/// use kiwi_loader::{Description, Error};
///
/// fn load_from_source() -> Result<Vec<(&'static str, u32)>, Error> {
///     Ok(vec![("answer", 42)])
/// }
///
/// fn describe() -> Description {
///     Description::new("The answer.")
/// }
///
/// kiwi_loader::loader!(load_from_source, describe);
/// ```
#[macro_export]
macro_rules! loader {
    ($load:path) => {
        const _: () = {
            use $crate::bindings::plain;
            struct Component;
            impl plain::Guest for Component {
                fn load_from_source() -> $crate::component::Answer {
                    $crate::component::load($load)
                }
            }
    plain::export_plain!(Component with_types_in plain);
        };
    };
    ($load:path, $describe:path) => {
        const _: () = {
            use $crate::bindings::described;
            struct Component;
            impl described::Guest for Component {
                fn load_from_source() -> $crate::component::Answer {
                    $crate::component::load($load)
                }
                fn describe() -> described::Description {
                    let crate_of_author = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                    $crate::component::describe($describe, crate_of_author)
                }
            }
    described::export_described!(Component with_types_in described);
        };
    };
}

pub type Answer = Result<Vec<Entry>, LoadError>;

/// A function that is a loader: with or without an argument for the settings.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loader",
    note = "a loader is `fn() -> Result<T, E>` or `fn(Settings) -> Result<T, E>`, `Settings` being `serde::Deserialize`, `T` a map and `E` an error"
)]
pub trait Loader<Arguments> {
    type Map: IntoLoad;

    fn run(self) -> Result<Self::Map, Error>;
}

impl<F, T, E> Loader<()> for F
where
    F: FnOnce() -> Result<T, E>,
    T: IntoLoad,
    E: Into<Error>,
{
    type Map = T;

    fn run(self) -> Result<T, Error> {
        self().map_err(Into::into)
    }
}

impl<F, S, T, E> Loader<(S,)> for F
where
    F: FnOnce(S) -> Result<T, E>,
    S: DeserializeOwned,
    T: IntoLoad,
    E: Into<Error>,
{
    type Map = T;

    fn run(self) -> Result<T, Error> {
        self(settings()?).map_err(Into::into)
    }
}

pub fn load<Arguments>(loader: impl Loader<Arguments>) -> Answer {
    log::install();
    match loader.run()?.into_load() {
        Load::Entries(entries) => {
            Ok(in_batches(entries, |batch| bindings::output::emit(batch).map_err(Error::of_host))?)
        }
        Load::Unchanged => {
            bindings::mark::unchanged();
            Ok(Vec::new())
        }
    }
}

pub fn describe(describe: impl FnOnce() -> Description, (name, version): (&str, &str)) -> about::Description {
    log::install();
    describe().of_crate(name, version)
}
