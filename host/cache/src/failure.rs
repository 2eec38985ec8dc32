//! Why a snapshot, or a value of one, could not be loaded.

use kiwi_store::{Error, Id, Name, Presence, Store};

/// Why a load failed.
pub(crate) enum LoadFailure {
    /// A value of this snapshot is not of the reader's type. The same snapshot need not be loaded again.
    Refused(Id, Error),
    /// Anything else.
    Failed(Error),
}

impl From<Error> for LoadFailure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A value of the cache is not of the reader's type.
pub(crate) fn wrong_value<V: ?Sized>(cache: &Name, key: &str, error: serde_json::Error) -> Error {
    Error::value(format!(
        "the value of key `{}` is not a valid `{}`: {error}; change the type, or what the loader emits",
        key.escape_debug(),
        std::any::type_name::<V>(),
    ))
    .of(cache)
}

/// There is no data of the cache in the store.
pub(crate) fn no_data(store: &dyn Store, cache: &Name, presence: &Presence) -> Error {
    let location = store.location();
    let message = match presence {
        Presence::Lost(head) => format!(
            "snapshot {} in {location} is lost: some of its {} entries were deleted, evicted or overwritten; its host \
             loads it again (`kiwi-host status` shows when)",
            head.seq, head.entries
        ),
        Presence::Whole(_) | Presence::Foreign(_) => {
            format!("it was removed from {location} while it was read: `kiwi-host status` shows when it is back")
        }
        _ => format!(
            "no snapshot was found in {location}: start a host that publishes this cache with `kiwi-host run`, or list \
             what is there with `kiwi-host status`"
        ),
    };
    Error::missing(message).of(cache)
}
