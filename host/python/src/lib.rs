//! The native part of `kiwi_cache`: it holds the map, keeps it up to date without the GIL, and decodes values at reads. What
//! needs no speed is in Python, in `python/kiwi_cache`.

mod decoder;
mod error;
mod event;
mod fork;
mod handle;
mod held;
mod json;
mod names;
mod reads;
mod shared;
mod snapshot;
mod view;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::decoder::Decoder;
    #[pymodule_export]
    use crate::event::{end_events, next_event, stop_events};
    #[pymodule_export]
    use crate::fork::{after_fork_in_child, after_fork_in_parent, before_fork};
    #[pymodule_export]
    use crate::handle::Handle;
    #[pymodule_export]
    use crate::reads::Reads;
    #[pymodule_export]
    use crate::snapshot::{Keys, Pairs, Snapshot};
}
