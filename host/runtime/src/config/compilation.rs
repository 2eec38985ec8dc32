//! How plugins are compiled: where the result is kept, and in which process.

use std::ffi::OsString;
use std::path::PathBuf;

/// How plugins are compiled. Default: in this process, at each start.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    pub(crate) cache: Option<PathBuf>,
    pub(crate) compiler: Option<Compiler>,
}

/// A program that compiles one component in a process of its own.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "components"), allow(dead_code, reason = "only components are compiled"))]
pub(crate) struct Compiler {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
}

impl Compilation {
    /// Keeps compiled plugins in a directory that nobody else may write: the files are native code.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// Has each plugin compiled by a program first, so that a plugin that takes too much memory or time to compile
    /// ends that program and not this one. It is called with these arguments and the directory of the cache, if there
    /// is one, and must end in `compile_stdin` of this crate, built with the same version.
    #[must_use]
    pub fn compiler(
        mut self,
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        self.compiler = Some(Compiler { program: program.into(), args });
        self
    }
}
