//! What a guest may do with a file or a directory.

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Filesize, HostDescriptor, MetadataHashValue,
    NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult, ReaddirIterator};

use super::stream::FileStream;
use super::view::{FilesView, Purpose};

/// A directory that exists for the guest only.
const NO_DIRECTORY: DescriptorStat = DescriptorStat {
    type_: DescriptorType::Directory,
    link_count: 1,
    size: 0,
    data_access_timestamp: None,
    data_modification_timestamp: None,
    status_change_timestamp: None,
};
const NO_HASH: MetadataHashValue = MetadataHashValue { lower: 0, upper: 0 };

/// Nothing that is granted may be written to.
fn read_only<T>() -> FsResult<T> {
    Err(ErrorCode::ReadOnly.into())
}

impl HostDescriptor for FilesView<'_> {
    async fn open_at(
        &mut self,
        held: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let purpose = if open_flags.contains(OpenFlags::DIRECTORY) { Purpose::Look } else { Purpose::Read };
        let Some(located) = self.locate(&held, path, purpose)? else {
            // It has no list of what is in it.
            return Err(ErrorCode::NotPermitted.into());
        };
        let opened = self.open_located(&located, path_flags, open_flags, flags).await;
        self.release(&located)?;
        if opened.as_ref().is_err_and(|error| error.downcast_ref() == Some(&ErrorCode::NotPermitted)) {
            self.note_escape(&held, &located);
        }
        opened
    }

    async fn stat_at(
        &mut self,
        held: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let Some(located) = self.locate(&held, path, Purpose::Look)? else { return Ok(NO_DIRECTORY) };
        let found = self.stat_located(&located, flags).await;
        self.release(&located)?;
        found
    }

    async fn metadata_hash_at(
        &mut self,
        held: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let Some(located) = self.locate(&held, path, Purpose::Look)? else { return Ok(NO_HASH) };
        let operations = self.files.operations();
        let (directory, path) = (located.directory(), located.path());
        let found = operations.run(HostDescriptor::metadata_hash_at(&mut self.wasi(), directory, flags, path)).await;
        self.release(&located)?;
        found
    }

    async fn readlink_at(&mut self, held: Resource<Descriptor>, path: String) -> FsResult<String> {
        // A granted file is shown as a file, also where it is a link.
        if self.is_root(&held) {
            return Err(ErrorCode::Invalid.into());
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::readlink_at(&mut self.wasi(), held, path)).await
    }

    async fn read_directory(&mut self, held: Resource<Descriptor>) -> FsResult<Resource<ReaddirIterator>> {
        if self.is_root(&held) {
            return Err(ErrorCode::NotPermitted.into());
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::read_directory(&mut self.wasi(), held)).await
    }

    fn read_via_stream(&mut self, held: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let stream = HostDescriptor::read_via_stream(&mut self.wasi(), held, offset)?;
        let inner = self.table.delete(stream)?;
        let stream: DynInputStream = Box::new(FileStream { inner, operations: self.files.operations() });
        Ok(self.table.push(stream)?)
    }

    async fn read(
        &mut self,
        held: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        let operations = self.files.operations();
        operations.run(HostDescriptor::read(&mut self.wasi(), held, length, offset)).await
    }

    async fn stat(&mut self, held: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        if self.is_root(&held) {
            return Ok(NO_DIRECTORY);
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::stat(&mut self.wasi(), held)).await
    }

    async fn metadata_hash(&mut self, held: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        if self.is_root(&held) {
            return Ok(NO_HASH);
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::metadata_hash(&mut self.wasi(), held)).await
    }

    async fn get_flags(&mut self, held: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        if self.is_root(&held) {
            return Ok(DescriptorFlags::READ);
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::get_flags(&mut self.wasi(), held)).await
    }

    async fn get_type(&mut self, held: Resource<Descriptor>) -> FsResult<DescriptorType> {
        let operations = self.files.operations();
        operations.run(HostDescriptor::get_type(&mut self.wasi(), held)).await
    }

    async fn is_same_object(&mut self, held: Resource<Descriptor>, other: Resource<Descriptor>) -> Result<bool> {
        if self.is_root(&held) || self.is_root(&other) {
            return Ok(held.rep() == other.rep());
        }
        let operations = self.files.operations();
        operations.run(HostDescriptor::is_same_object(&mut self.wasi(), held, other)).await
    }

    async fn advise(
        &mut self,
        held: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        let operations = self.files.operations();
        operations.run(HostDescriptor::advise(&mut self.wasi(), held, offset, length, advice)).await
    }

    fn drop(&mut self, held: Resource<Descriptor>) -> Result<()> {
        self.files.held.remove(&held.rep());
        HostDescriptor::drop(&mut self.wasi(), held)
    }

    /// There is nothing to bring to the disk.
    async fn sync(&mut self, _: Resource<Descriptor>) -> FsResult<()> {
        Ok(())
    }

    async fn sync_data(&mut self, _: Resource<Descriptor>) -> FsResult<()> {
        Ok(())
    }

    async fn write(&mut self, _: Resource<Descriptor>, _: Vec<u8>, _: Filesize) -> FsResult<Filesize> {
        read_only()
    }

    fn write_via_stream(&mut self, _: Resource<Descriptor>, _: Filesize) -> FsResult<Resource<DynOutputStream>> {
        read_only()
    }

    fn append_via_stream(&mut self, _: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        read_only()
    }

    async fn set_size(&mut self, _: Resource<Descriptor>, _: Filesize) -> FsResult<()> {
        read_only()
    }

    async fn set_times(&mut self, _: Resource<Descriptor>, _: NewTimestamp, _: NewTimestamp) -> FsResult<()> {
        read_only()
    }

    async fn set_times_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> FsResult<()> {
        read_only()
    }

    async fn create_directory_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<()> {
        read_only()
    }

    async fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        read_only()
    }

    async fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        read_only()
    }

    async fn rename_at(
        &mut self,
        _: Resource<Descriptor>,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        read_only()
    }

    async fn remove_directory_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<()> {
        read_only()
    }

    async fn unlink_file_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<()> {
        read_only()
    }
}
