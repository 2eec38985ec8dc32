//! `wasi:filesystem` as a guest sees it. What writes is refused here; the rest is done by wasmtime-wasi, on the threads of
//! the load, where the guest was granted it.

use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, Host, HostDescriptor,
    HostDirectoryEntryStream, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult, IoError, ReaddirIterator};

use super::granted::{Files, Held, Place, bare};
use crate::config::file_grants::below;

/// The files of a guest, and the table in which it holds them.
pub(in crate::sandbox) struct FilesView<'a> {
    pub(in crate::sandbox) files: &'a mut Files,
    pub(in crate::sandbox) table: &'a mut ResourceTable,
}

struct GuestFiles;

impl HasData for GuestFiles {
    type Data<'a> = FilesView<'a>;
}

/// Links `wasi:filesystem`, in place of wasmtime-wasi's own.
pub(in crate::sandbox) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> FilesView<'_>,
) -> Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, GuestFiles>(linker, view)?;
    preopens::add_to_linker::<_, GuestFiles>(linker, view)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A path as wasmtime-wasi is asked for it.
pub(super) struct Located {
    directory: Resource<Descriptor>,
    path: String,
    /// Whether the directory is in the table for this one operation.
    is_lent: bool,
    /// Whether it was granted as a file.
    is_file: bool,
    /// As the guest wrote it, from where it began.
    guest_path: String,
}

impl Located {
    pub(super) fn directory(&self) -> Resource<Descriptor> {
        Resource::new_borrow(self.directory.rep())
    }

    pub(super) fn path(&self) -> String {
        self.path.clone()
    }
}

/// Why a path is looked up.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// To read the file there.
    Read,
    /// To list the directory there, or to see what is there.
    Look,
}

impl FilesView<'_> {
    pub(super) fn wasi(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files.context, table: self.table }
    }

    pub(super) fn is_root(&self, descriptor: &Resource<Descriptor>) -> bool {
        matches!(self.files.held.get(&descriptor.rep()), Some(Held::Root))
    }

    /// Where a path leads to. `None`: to a directory that is there only for the guest.
    pub(super) fn locate(
        &mut self,
        held: &Resource<Descriptor>,
        path: String,
        purpose: Purpose,
    ) -> FsResult<Option<Located>> {
        let parent = match self.files.held.get(&held.rep()) {
            Some(Held::Root) => None,
            Some(Held::Real(parent)) => Some(parent.as_str()),
            // It is a file, which has no paths.
            None => return Err(ErrorCode::NotDirectory.into()),
        };
        // In WASI, a path is relative to a directory.
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        let guest_path = bare(&format!("{}/{path}", parent.unwrap_or(".")));
        let place = match (self.files.find_file(&guest_path), parent) {
            (Some(place), _) => place,
            (None, None) => self.files.find_directory(&guest_path),
            (None, Some(_)) => {
                let directory = Resource::new_borrow(held.rep());
                return Ok(Some(Located { directory, path, is_lent: false, is_file: false, guest_path }));
            }
        };
        let (directory, path, is_file) = match place {
            Place::Below(directory, path) => (directory, path, false),
            Place::File(directory, name) => (directory, name, true),
            Place::Between => return Ok(None),
            Place::Absent => return Err(ErrorCode::NoEntry.into()),
            Place::Nowhere => {
                match purpose {
                    Purpose::Read => self.files.denied.file(&guest_path),
                    Purpose::Look => self.files.denied.place(&guest_path),
                }
                return Err(ErrorCode::NoEntry.into());
            }
        };
        let directory = self.table.push(Descriptor::Dir(directory))?;
        Ok(Some(Located { directory, path, is_lent: true, is_file, guest_path }))
    }

    /// Ends the use of a path.
    pub(super) fn release(&mut self, located: &Located) -> FsResult<()> {
        if located.is_lent {
            self.table.delete(Resource::<Descriptor>::new_own(located.directory.rep()))?;
        }
        Ok(())
    }

    /// What is at a path.
    pub(super) async fn stat_located(&mut self, located: &Located, flags: PathFlags) -> FsResult<DescriptorStat> {
        let operations = self.files.operations();
        operations.at(&located.guest_path);
        let (directory, path) = (located.directory(), located.path.clone());
        operations.run(HostDescriptor::stat_at(&mut self.wasi(), directory, flags, path)).await
    }

    /// Opens what is at a path, if it is a file or a directory.
    pub(super) async fn open_located(
        &mut self,
        located: &Located,
        path_flags: PathFlags,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        // Opening a named pipe waits until somebody writes to it.
        match self.stat_located(located, path_flags).await.map(|stat| stat.type_) {
            Ok(DescriptorType::Directory) if located.is_file => return Err(self.is_a_directory(located)),
            Ok(DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink) | Err(_) => {}
            Ok(_) => {
                self.files.denied.special(&located.guest_path);
                return Err(ErrorCode::NotPermitted.into());
            }
        }
        let (directory, path) = (located.directory(), located.path.clone());
        let operations = self.files.operations();
        let mut wasi = self.wasi();
        let opening = HostDescriptor::open_at(&mut wasi, directory, path_flags, path, open_flags, flags);
        let opened = operations.run(opening).await?;
        if matches!(self.table.get(&opened)?, Descriptor::Dir(_)) {
            if located.is_file {
                self.table.delete(opened)?;
                return Err(self.is_a_directory(located));
            }
            self.files.held.insert(opened.rep(), Held::Real(located.guest_path.clone()));
        }
        Ok(opened)
    }

    fn is_a_directory(&mut self, located: &Located) -> FsError {
        self.files.denied.directory(&located.guest_path);
        ErrorCode::NotPermitted.into()
    }

    /// Notes a path that leads out of its directory by its text alone.
    pub(super) fn note_escape(&mut self, held: &Resource<Descriptor>, located: &Located) {
        if let Some(Held::Real(parent)) = self.files.held.get(&held.rep())
            && below(parent, &located.guest_path).is_none()
        {
            self.files.denied.file(&located.guest_path);
        }
    }
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::new();
        for (directory, path, held) in self.files.beginnings() {
            let descriptor: Resource<Descriptor> = self.table.push(Descriptor::Dir(directory))?;
            self.files.held.insert(descriptor.rep(), held);
            directories.push((descriptor, path));
        }
        Ok(directories)
    }
}

impl Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> Result<ErrorCode> {
        Host::convert_error_code(&mut self.wasi(), error)
    }

    fn filesystem_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Host::filesystem_error_code(&mut self.wasi(), error)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    async fn read_directory_entry(&mut self, stream: Resource<ReaddirIterator>) -> FsResult<Option<DirectoryEntry>> {
        HostDirectoryEntryStream::read_directory_entry(&mut self.wasi(), stream).await
    }

    fn drop(&mut self, stream: Resource<ReaddirIterator>) -> Result<()> {
        HostDirectoryEntryStream::drop(&mut self.wasi(), stream)
    }
}
