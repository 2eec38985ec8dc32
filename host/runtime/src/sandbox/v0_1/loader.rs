//! A component of world `loader`, ready to be instantiated and called.

use wasmtime::component::{InstancePre, Val};
use wasmtime::{Engine, Result, Store};

use super::bindings::LoaderPre;
pub(in crate::sandbox) use super::bindings::kiwi::loader::entries::Entry;
use super::errors;
use crate::failure::Failure;
use crate::sandbox::state::State;

/// A component of world `loader`: each call makes an instance of its own.
pub(in crate::sandbox) struct Loader(LoaderPre<State>);

/// How a call ended: a trap, the loader's own error, or the entries that it returned.
pub(in crate::sandbox) type Called = Result<std::result::Result<Vec<Entry>, Failure>>;

impl Loader {
    /// # Errors
    /// The component does not export `load-from-source`, or at another type.
    pub(in crate::sandbox) fn new(pre: InstancePre<State>) -> Result<Self> {
        LoaderPre::new(pre).map(Self)
    }

    pub(in crate::sandbox) fn engine(&self) -> &Engine {
        self.0.engine()
    }

    /// Calls `load-from-source` in a new instance.
    pub(in crate::sandbox) async fn call(&self, store: &mut Store<State>) -> Called {
        let instance = self.0.instantiate_async(&mut *store).await?;
        let returned = instance.call_load_from_source(&mut *store).await?;
        Ok(returned.map_err(|error| errors::failure(error, &store.data().secrets)))
    }

    /// Calls `describe` in a new instance. Its result is lifted by the caller, field by field.
    pub(in crate::sandbox) async fn describe(&self, store: &mut Store<State>) -> Result<Val> {
        let instance = self.0.instance_pre().instantiate_async(&mut *store).await?;
        let describe = instance.get_func(&mut *store, "describe");
        let describe = describe.ok_or_else(|| wasmtime::format_err!("is not a function"))?;
        let mut results = [Val::Bool(false)];
        describe.call_async(&mut *store, &[], &mut results).await?;
        let [described] = results;
        Ok(described)
    }
}
