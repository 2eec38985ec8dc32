//! Stands in for `sandbox` in a program without the feature `components`: its types have no values, so
//! there is never a plugin.

pub(crate) mod shared {
    use std::convert::Infallible;
    use std::path::Path;

    use super::plugin::Plugin;
    use crate::config::compilation::Compilation;
    use crate::config::http_options::HttpOptions;
    use crate::sandbox_error::SandboxError;

    /// Never constructed.
    #[derive(Debug)]
    pub(crate) struct Sandbox(Infallible);

    impl Sandbox {
        pub(crate) fn with_http(_: Compilation, _: usize, _: HttpOptions) -> Result<Self, SandboxError> {
            let why = "this program cannot run WebAssembly: build it with the feature `components` of kiwi-host";
            Err(SandboxError::new(why))
        }

        pub(crate) async fn plugin(&self, _: &Path) -> Result<Plugin, String> {
            match self.0 {}
        }

        pub(crate) async fn sources_left(&self) {
            match self.0 {}
        }
    }
}

pub(crate) mod plugin {
    use std::convert::Infallible;
    use std::path::Path;

    use kiwi_store::Name;

    use crate::config::settings::Settings;
    use crate::loader::description::Description;

    /// Never constructed.
    #[derive(Debug)]
    pub(crate) struct Plugin(pub(super) Infallible);

    impl Plugin {
        pub(crate) fn path(&self) -> &Path {
            match self.0 {}
        }

        pub(crate) fn hash(&self) -> u128 {
            match self.0 {}
        }

        pub(crate) async fn describe(&self, _: &Name, _: &Settings) -> Result<Option<Description>, String> {
            match self.0 {}
        }
    }
}

pub(crate) mod component {
    use std::convert::Infallible;
    use std::sync::Arc;

    use kiwi_store::Name;

    use super::plugin::Plugin;
    use crate::config::grants::Grants;
    use crate::config::limits::Limits;
    use crate::config::settings::Settings;
    use crate::entries::intake::Intake;
    use crate::failure::Failure;
    use crate::loader::mark::Loaded;

    /// Never constructed.
    #[derive(Debug)]
    pub(crate) struct Component(Infallible);

    impl Component {
        pub(crate) fn new(plugin: Arc<Plugin>, _: &Grants) -> Self {
            match plugin.0 {}
        }

        pub(crate) async fn load(
            &self,
            _: &Name,
            _: &Settings,
            _: &Grants,
            _: &Limits,
            _: Option<String>,
            _: Intake,
        ) -> Result<Loaded, Failure> {
            match self.0 {}
        }
    }
}
