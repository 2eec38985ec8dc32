//! What a guest may call: the plain interfaces of the contract, and how all of them are linked.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Result};

use super::bindings::kiwi::loader::{entries, http, log, mark, settings, sql};
use crate::sandbox::files;
use crate::sandbox::guest_log::Level;
use crate::sandbox::sockets;
use crate::sandbox::state::State;

/// Links everything a guest may import: the contract, and all of WASI 0.2 and wasi:http, which some
/// toolchains import unused. What a cache was not granted is denied when it is used, not here.
pub(in crate::sandbox) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    sockets::add_to_linker(&mut linker)?;
    files::add_to_linker(&mut linker, State::files)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    entries::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    settings::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    mark::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    http::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    sql::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    super::emit::add_to_linker(&mut linker)?;
    // Types only: some toolchains import it even for a loader that does not describe itself.
    linker.instance("kiwi:loader/about@0.1.1")?;
    Ok(linker)
}

impl entries::Host for State {}

impl settings::Host for State {
    async fn get(&mut self) -> Result<String> {
        Ok(self.settings.clone())
    }
}

impl mark::Host for State {
    async fn published(&mut self) -> Result<Option<String>> {
        Ok(self.marks.published().map(ToOwned::to_owned))
    }

    async fn set(&mut self, mark: String) -> Result<()> {
        if let Err(failure) = self.marks.set(mark) {
            self.refuse(failure);
        }
        Ok(())
    }

    async fn unchanged(&mut self) -> Result<()> {
        self.marks.unchanged();
        Ok(())
    }
}

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.line(level, &message);
        Ok(())
    }
}
