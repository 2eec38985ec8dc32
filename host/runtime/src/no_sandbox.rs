//! What stands in place of `sandbox` in a program without the feature `components`: there is no sandbox,
//! so that there is no plugin either.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiwi_store::Name;

use crate::config::{CacheConfig, Grants, Settings};
use crate::description::Description;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::loaded::Loaded;
use crate::plugin_error::PluginError;
use crate::sandbox_error::SandboxError;

/// None is ever made.
#[derive(Debug)]
pub(crate) struct Sandbox(Infallible);

/// None is ever made.
#[derive(Debug)]
pub(crate) struct Plugin(Infallible);

/// None is ever made.
#[derive(Debug)]
pub(crate) struct Component(Infallible);

impl Sandbox {
    pub(crate) fn new(_: Option<PathBuf>, _: usize) -> Result<Self, SandboxError> {
        let why = "this program cannot run WebAssembly: build it with the feature `components` of kiwi-host";
        Err(SandboxError::new(why.to_owned()))
    }

    pub(crate) async fn plugin(&self, _: &Path) -> Result<Plugin, PluginError> {
        match self.0 {}
    }
}

impl Plugin {
    pub(crate) fn path(&self) -> &Path {
        match self.0 {}
    }

    pub(crate) fn hash(&self) -> u128 {
        match self.0 {}
    }

    pub(crate) async fn describe(&self, _: &Name, _: &Settings) -> Result<Option<Description>, PluginError> {
        match self.0 {}
    }
}

impl Component {
    pub(crate) fn new(plugin: Arc<Plugin>, _: &Grants) -> Self {
        match plugin.0 {}
    }

    pub(crate) async fn load(&self, _: &CacheConfig, _: Option<String>, _: Intake) -> Result<Loaded, Failure> {
        match self.0 {}
    }
}
