//! `output.emit`: takes batches out of the guest's memory, in place.
//!
//! Linked by hand, because generated code would copy each entry into two strings of its own.
//! `WasmList` and `WasmStr` are sound on the arguments of an import, and only there: the guest
//! stands still while they are read.

use wasmtime::component::{ComponentType, Lift, Linker, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut, bail};

use super::bindings::kiwi::loader::entries::LoadError;
use super::errors::load_error;
use crate::entries::intake::Intake;
use crate::failure::{Failure, FailureKind};
use crate::sandbox::state::State;

#[derive(ComponentType, Lift)]
#[component(record)]
struct EntryRef {
    key: WasmStr,
    value: WasmStr,
}

type Emitted = (std::result::Result<(), LoadError>,);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker
        .instance("kiwi:loader/output@0.1.1")?
        .func_wrap_async("emit", |store, (batch,): (WasmList<EntryRef>,)| Box::new(emit(store, batch)))
}

async fn emit(mut store: StoreContextMut<'_, State>, batch: WasmList<EntryRef>) -> Result<Emitted> {
    if store.data().refusals.first().is_some() {
        bail!("the load had already failed, and its loader went on emitting");
    }
    let Some(mut intake) = store.data_mut().intake.take() else {
        let failure = Failure::new(FailureKind::Denied, "`describe` may not emit entries");
        return Ok((Err(load_error(store.data_mut().refuse(failure))),));
    };
    let taken = take(&mut store, &batch, &mut intake).await?;
    let state = store.data_mut();
    state.intake = Some(intake);
    Ok((taken.map_err(|failure| load_error(state.refuse(failure))),))
}

/// The outer error traps: the guest gave something that is no entry at all.
async fn take(
    store: &mut StoreContextMut<'_, State>,
    batch: &WasmList<EntryRef>,
    intake: &mut Intake,
) -> Result<std::result::Result<(), Failure>> {
    // The references first: they borrow the store for writing, their texts for reading.
    let entries = batch.iter(&mut *store)?.collect::<Result<Vec<EntryRef>>>()?;
    for entry in entries {
        let pushed = intake.push(&entry.key.to_str(&*store)?, &entry.value.to_str(&*store)?);
        if let Err(failure) = pushed {
            return Ok(Err(failure));
        }
        if intake.is_full()
            && let Err(failure) = intake.flush().await
        {
            return Ok(Err(failure));
        }
    }
    // The loader is told of its error now, and not at the next batch.
    Ok(intake.compare())
}
