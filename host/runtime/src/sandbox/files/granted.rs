//! The files and directories of one load, opened.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::LazyLock;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::{Descriptor, Dir, OpenMode, WasiFilesystemCtx, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::denied::Denied;
use super::threads::{LoadThreads, Operations};
use crate::config::file_grants::{DirGrant, FileGrant, below, normal};
use crate::config::grants::Grants;
use crate::failure::{Failure, FailureKind};
use crate::outside::directories::env_file;

/// The directories that a guest begins with where it was not granted them: they hold granted files, and show what
/// else it asks for.
const ROOTS: [&str; 2] = [".", "/"];

/// The files and directories of one load.
#[derive(Default)]
pub(in crate::sandbox) struct Files {
    pub(super) granted: Vec<Granted>,
    pub(super) denied: Denied,
    /// The directories in the guest's hands, by the number of their resource.
    pub(super) held: HashMap<u32, Held>,
    pub(super) context: WasiFilesystemCtx,
    /// `None` if there is nothing to read.
    threads: Option<LoadThreads>,
}

/// One granted directory or file.
pub(super) struct Granted {
    /// Under which path the operator granted it.
    pub(super) guest_path: String,
    /// The same, `bare`.
    path: String,
    /// The directory, or the one that the file is in; `None` if that does not exist.
    directory: Option<Dir>,
    /// The file's name in it.
    file: Option<String>,
}

/// A directory in a guest's hands.
pub(super) enum Held {
    /// One of `ROOTS`, in which only what is granted exists.
    Root,
    /// A granted one, or one below it, under this `bare` path.
    Real(String),
}

/// Where a path leads to.
pub(super) enum Place {
    /// To this path in a granted directory.
    Below(Dir, String),
    /// To a granted file, by its name in its directory.
    File(Dir, String),
    /// To a granted file whose directory does not exist.
    Absent,
    /// To a directory that exists for the guest only because something below it is granted.
    Between,
    /// To what is not granted.
    Nowhere,
}

impl Files {
    /// Opens what a cache was granted, on threads for one load. Without them, it was granted nothing.
    ///
    /// # Errors
    /// A directory cannot be opened, or is not for a plugin.
    pub(in crate::sandbox) async fn open(grants: &Grants, threads: Option<LoadThreads>) -> Result<Self, Failure> {
        let Some(threads) = threads else { return Ok(Self::default()) };
        let mut granted = Vec::new();
        for dir in &grants.dirs {
            granted.push(open_dir(dir, &threads).await?);
        }
        for file in grants.files.iter().filter(|file| !grants.covers_dir(&file.guest_path)) {
            granted.push(open_file(file, &threads).await?);
        }
        Ok(Self { granted, threads: Some(threads), ..Self::default() })
    }

    /// Where operations run.
    pub(super) fn operations(&self) -> Operations {
        self.threads.as_ref().map(|threads| threads.operations().clone()).unwrap_or_default()
    }

    /// The file that a load waits for, if it does.
    pub(in crate::sandbox) fn waits_for(&self) -> Option<String> {
        self.threads.as_ref()?.operations().waits_for()
    }

    /// Adds to the failure of a load what it was denied. Its settings may show how it wrote the path.
    pub(in crate::sandbox) fn explain(&self, mut failure: Failure, settings: &str) -> Failure {
        let is_its_own = matches!(
            failure.kind,
            FailureKind::Unavailable
                | FailureKind::InvalidSettings
                | FailureKind::Denied
                | FailureKind::Other
                | FailureKind::Trap
        );
        if let Some(hint) = self.denied.hint(&failure, settings).filter(|_| is_its_own) {
            failure.message = format!("{}; {hint}", failure.message);
        }
        failure
    }

    /// The directories that a guest begins with. What the operator granted comes first.
    pub(super) fn beginnings(&self) -> Vec<(Dir, String, Held)> {
        let dirs = self.granted.iter().filter(|granted| granted.file.is_none());
        let mut beginnings: Vec<_> = dirs
            .filter_map(|granted| {
                let directory = granted.directory.clone()?;
                Some((directory, granted.guest_path.clone(), Held::Real(granted.path.clone())))
            })
            .collect();
        // To wasi-libc both are the same directory, and so is one that was granted under such a name.
        if !beginnings.iter().any(|(_, path, _)| bare(path) == ".")
            && let Some(nothing) = &*NOTHING
        {
            beginnings.extend(ROOTS.map(|root| (nothing.clone(), root.to_owned(), Held::Root)));
        }
        beginnings
    }

    /// Where a `bare` path leads to, if it is that of a granted file.
    pub(super) fn find_file(&self, path: &str) -> Option<Place> {
        let mut files = self.granted.iter().filter(|granted| granted.file.is_some());
        let granted = files.find(|granted| granted.path == path)?;
        Some(match (&granted.directory, &granted.file) {
            (Some(directory), Some(name)) => Place::File(directory.clone(), name.clone()),
            _ => Place::Absent,
        })
    }

    /// Where a `bare` path leads to that is not a granted file's.
    pub(super) fn find_directory(&self, path: &str) -> Place {
        let dirs = self.granted.iter().filter(|granted| granted.file.is_none());
        let nearest = dirs.filter(|granted| below(&granted.path, path).is_some()).max_by_key(|dir| dir.path.len());
        if let Some((directory, rest)) = nearest.and_then(|dir| dir.directory.clone().zip(below(&dir.path, path))) {
            return Place::Below(directory, rest.to_owned());
        }
        let leads_to = |granted: &Granted| below(path, &granted.path).is_some();
        if path == "." || self.granted.iter().any(leads_to) { Place::Between } else { Place::Nowhere }
    }
}

/// A guest's path in the form in which paths are compared. It has no `/` in front: wasi-libc drops it, so that nobody can
/// tell `/data` from `data` any more.
pub(super) fn bare(path: &str) -> String {
    match normal(path).trim_start_matches('/') {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}

async fn open_dir(dir: &DirGrant, threads: &LoadThreads) -> Result<Granted, Failure> {
    let shown = dir.path.display();
    threads.operations().at(&shown.to_string());
    let path = dir.path.clone();
    let opened = threads.blocking(move || (open(&path), env_file(&path))).await;
    if let Some((_, Some(secret))) = &opened {
        return Err(Failure::new(FailureKind::Denied, dir.refusal(secret)));
    }
    let directory = match opened.map(|(opened, _)| opened) {
        Some(Ok(directory)) => directory,
        Some(Err(error)) => {
            let refused = error.kind() == ErrorKind::PermissionDenied;
            // What is not there may be mounted later.
            let kind = if refused { FailureKind::Denied } else { FailureKind::Unavailable };
            let message = format!(
                "the granted directory {shown} cannot be opened: {error}; create it, or change `dirs` in this cache's grants"
            );
            return Err(Failure::new(kind, message));
        }
        None => return Err(Failure::new(FailureKind::Internal, format!("opening the directory {shown} panicked"))),
    };
    Ok(Granted {
        guest_path: dir.guest_path.clone(),
        path: bare(&dir.guest_path),
        directory: Some(directory),
        file: None,
    })
}

/// What is wrong with a file is said when it is opened: a plugin may do without it.
async fn open_file(file: &FileGrant, threads: &LoadThreads) -> Result<Granted, Failure> {
    threads.operations().at(&file.path.display().to_string());
    let parent = file.path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).to_owned();
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.is_empty());
    let directory = match &name {
        Some(_) => threads.blocking(move || open(&parent)).await.and_then(Result::ok),
        None => None,
    };
    Ok(Granted {
        guest_path: file.guest_path.clone(),
        path: bare(&file.guest_path),
        directory,
        file: Some(name.unwrap_or_default()),
    })
}

/// Opens a directory as wasmtime-wasi needs it: only its own builder can.
fn open(path: &Path) -> std::io::Result<Dir> {
    struct Opener(WasiCtx, ResourceTable);
    impl WasiView for Opener {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.0, table: &mut self.1 }
        }
    }
    fn opened(path: &Path) -> wasmtime::Result<Dir> {
        let context = WasiCtxBuilder::new().preopened_dir(path, ".", FsPerms::ReadOnly)?.build();
        let mut opener = Opener(context, ResourceTable::new());
        let mut directories = preopens::Host::get_directories(&mut opener.filesystem())?;
        let (directory, _) = directories.pop().ok_or_else(|| wasmtime::format_err!("it was not opened"))?;
        match opener.1.delete(directory)? {
            Descriptor::Dir(directory) => Ok(directory),
            Descriptor::File(_) => wasmtime::bail!("it is a file"),
        }
    }
    opened(path).map_err(|error| error.downcast().unwrap_or_else(std::io::Error::other))
}

/// What stands behind `ROOTS`. Every way to use it is answered by the view; if one were forgotten, it is not a directory.
static NOTHING: LazyLock<Option<Dir>> = LazyLock::new(|| {
    let nothing = std::fs::File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()?;
    Some(Dir::new(nothing, FsPerms::ReadOnly, OpenMode::READ, false))
});
