//! A stream of a file, which is read on the threads of its load.

use bytes::Bytes;
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamResult};

use super::threads::Operations;

/// A stream of a file.
pub(super) struct FileStream {
    pub(super) inner: DynInputStream,
    pub(super) operations: Operations,
}

#[wasmtime_wasi::async_trait]
impl InputStream for FileStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.operations.enter(|| self.inner.read(size))
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.operations.run(self.inner.blocking_read(size)).await
    }

    async fn cancel(&mut self) {
        self.operations.run(self.inner.cancel()).await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for FileStream {
    async fn ready(&mut self) {
        self.operations.poll(self.inner.ready()).await;
    }
}
