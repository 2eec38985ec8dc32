//! The files of a guest: `wasi:filesystem` over what its cache was granted, and nothing else.
//!
//! wasmtime-wasi opens and reads; what is here decides what it may open, says what was denied, and gives it threads of
//! the cache's own: a file system that hangs (a dead NFS server) must not take those of other caches.

mod denied;
mod descriptor;
mod granted;
mod stream;
mod threads;
mod view;

pub(super) use granted::Files;
pub(super) use threads::FileThreads;
pub(super) use view::{FilesView, add_to_linker};
