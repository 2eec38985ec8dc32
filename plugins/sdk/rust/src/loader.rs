//! Makes a component of an author's functions: what [`loader!`](crate::loader) expands to.

use serde::de::DeserializeOwned;

use crate::bindings::about;
use crate::bindings::entries::{Entry, LoadError};
use crate::entry::in_batches;
use crate::{DescribeSettings, Description, Error, IntoLoad, Load, host, log, settings};

/// Makes a function the loader of this component. It may describe itself, too, so that the operator learns what it
/// takes and needs before it runs: `kiwi-host inspect` shows it, and the host refuses misspelt settings.
///
/// A sentence is enough where the settings [derive `Settings`](macro@crate::Settings), or there are none:
///
/// ```
/// use kiwi_loader::{Error, Settings};
///
/// #[derive(Settings)]
/// struct Settings {
///     /// The question.
///     question: String,
/// }
///
/// fn load_from_source(settings: Settings) -> Result<Vec<(String, u32)>, Error> {
///     Ok(vec![(settings.question, 42)])
/// }
///
/// kiwi_loader::loader!(load_from_source, "The answer to a question.");
/// ```
///
/// A function that returns a [`Description`](crate::Description) can say more, such as which grants are needed:
///
/// ```
/// # use kiwi_loader::{Description, Error, Grant};
/// # fn load_from_source() -> Result<Vec<(&'static str, u32)>, Error> {
/// #     Ok(vec![("answer", 42)])
/// # }
/// fn describe() -> Description {
///     Description::new("The answer.").grant(Grant::http("https://example.com", "to ask for the answer"))
/// }
///
/// kiwi_loader::loader!(load_from_source, describe);
/// ```
///
/// A loader that does not describe itself is `loader!(load_from_source)`. Its settings may be any
/// [`serde::Deserialize`] type.
#[macro_export]
macro_rules! loader {
    ($load:path $(,)?) => {
        const _: () = {
            use $crate::bindings::plain;
            struct Component;
            impl plain::Guest for Component {
                fn load_from_source() -> $crate::private::Loaded {
                    $crate::private::load($load)
                }
            }
            plain::export_plain!(Component with_types_in plain);
        };
    };
    ($load:path, $summary:literal $(,)?) => {
        $crate::loader!(@described $load, || $crate::private::summarize($load, $summary));
    };
    ($load:path, $describe:path $(,)?) => {
        $crate::loader!(@described $load, $describe);
    };
    (@described $load:path, $describe:expr) => {
        const _: () = {
            use $crate::bindings::described;
            struct Component;
            impl described::Guest for Component {
                fn load_from_source() -> $crate::private::Loaded {
                    $crate::private::load($load)
                }
                fn describe() -> described::Description {
                    let crate_of_author = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                    $crate::private::describe_loader($describe, crate_of_author)
                }
            }
            described::export_described!(Component with_types_in described);
        };
    };
}

/// What the contract's `load-from-source` returns.
pub type Loaded = Result<Vec<Entry>, LoadError>;

/// A function that is a loader: with or without an argument for the settings.
///
/// `Arguments` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loader",
    note = "a loader is `fn() -> Result<T, E>` or `fn(Settings) -> Result<T, E>`, where `Settings` is `serde::Deserialize`, `T` is a map, and `E` is `kiwi_loader::Error`, `anyhow::Error` or any other error"
)]
pub trait Loader<Arguments> {
    #[doc(hidden)]
    type Map: IntoLoad;

    #[doc(hidden)]
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

/// The arguments of a loader whose settings can be described.
pub trait DescribeArguments {
    fn describe(description: Description) -> Description;
}

impl DescribeArguments for () {
    fn describe(description: Description) -> Description {
        description
    }
}

impl<S: DescribeSettings> DescribeArguments for (S,) {
    fn describe(description: Description) -> Description {
        description.settings::<S>()
    }
}

/// Runs a loader, and sends the host what it loads.
pub fn load<Arguments>(loader: impl Loader<Arguments>) -> Loaded {
    log::install();
    run(loader).map_err(Error::into_contract)
}

fn run<Arguments>(loader: impl Loader<Arguments>) -> Result<Vec<Entry>, Error> {
    match loader.run()?.into_load() {
        Load::Entries(entries) => in_batches(entries, |batch| host::output::emit(batch).map_err(Error::from_contract)),
        Load::Unchanged => {
            host::mark::unchanged();
            Ok(Vec::new())
        }
    }
}

/// A description of no more than this sentence and the loader's settings.
pub fn summarize<Arguments: DescribeArguments>(_: impl Loader<Arguments>, summary: &str) -> Description {
    Arguments::describe(Description::new(summary))
}

/// Runs a function that describes a loader.
pub fn describe(describe: impl FnOnce() -> Description, (name, version): (&str, &str)) -> about::Description {
    log::install();
    describe().into_contract(name, version)
}
