//! What one guest instance can reach: built anew for each load, gone with it.

use std::io::ErrorKind;
use std::sync::Arc;

use kiwi_store::Name;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::guest_log::GuestLog;
use super::limiter::Limiter;
use super::wasi_http::Hooks;
use crate::config::grants::Grants;
use crate::config::limits::Limits;
use crate::entries::intake::Intake;
use crate::failure::{Failure, FailureKind};
use crate::loader::mark::Marks;
use crate::memory::Memory;
use crate::outside::http::{Allowance, HttpClient};

/// What one guest instance can reach.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) limits: Limits,
    pub(super) log: GuestLog,
    pub(super) settings: String,
    pub(super) marks: Marks,
    /// Where entries go; `None` in `describe`, which may emit nothing.
    pub(super) intake: Option<Intake>,
    pub(super) client: Arc<HttpClient>,
    pub(super) allowance: Allowance,
    /// The first refusal: the load fails with it, whatever the guest returns.
    pub(super) refusal: Option<Failure>,
    /// What the source last said of how long to leave it alone.
    pub(super) retry_after: Option<std::time::Duration>,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    wasi_http_hooks: Hooks,
}

/// What a guest instance is made with.
pub(super) struct Capabilities<'a> {
    pub(super) cache: &'a Name,
    pub(super) settings: String,
    pub(super) grants: &'a Grants,
    pub(super) limits: &'a Limits,
    pub(super) client: Arc<HttpClient>,
    pub(super) intake: Option<Intake>,
    pub(super) published_mark: Option<String>,
}

impl State {
    /// A store for one call into one instance.
    ///
    /// # Errors
    /// A granted directory cannot be opened (`Denied`).
    pub(super) fn store(engine: &Engine, given: Capabilities<'_>) -> Result<Store<Self>, Failure> {
        let log = GuestLog::new(given.cache.clone(), given.limits.log_bytes);
        let memory = Memory::new(given.limits.memory);
        let allowance = Allowance::new(given.limits, memory.clone());
        let state = Self {
            table: table(),
            limiter: Limiter::new(memory),
            limits: given.limits.clone(),
            wasi: wasi(given.grants, &log)?,
            wasi_http: wasi_http(),
            wasi_http_hooks: Hooks::new(given.client.clone(), allowance.clone()),
            log,
            settings: given.settings,
            marks: Marks::new(given.published_mark),
            intake: given.intake,
            client: given.client,
            allowance,
            refusal: None,
            retry_after: None,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(given.limits.hostcall_bytes).unwrap_or(usize::MAX));
        // A guest that spins gives way at each tick, so that the deadline around the call can end it.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        Ok(store)
    }

    /// What wasi:http was refused, if anything.
    pub(super) fn wasi_http_refused(&self) -> Option<Failure> {
        self.wasi_http_hooks.refused()
    }

    /// Keeps the first refusal, and gives this one back for the guest.
    pub(super) fn refuse(&mut self, failure: Failure) -> Failure {
        self.refusal.get_or_insert_with(|| failure.clone());
        failure
    }
}

/// Streams, files, headers and responses in a guest's hands: as many as a program needs, and few
/// enough that all guests together leave the host its file descriptors.
const MAX_RESOURCES: usize = 256;
/// The headers of one request or response in memory.
const FIELD_BYTES: usize = 64 << 10;

fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_RESOURCES);
    table
}

fn wasi_http() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELD_BYTES);
    context
}

fn wasi(grants: &Grants, log: &GuestLog) -> Result<WasiCtx, Failure> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(log.stdout()).stderr(log.stderr());
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            wasi.env(name, value);
        }
    }
    for dir in &grants.dirs {
        wasi.preopened_dir(&dir.path, &dir.guest_path, FsPerms::ReadOnly).map_err(|error| {
            let refused = error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::PermissionDenied);
            // What is not there may be mounted later.
            let kind = if refused { FailureKind::Denied } else { FailureKind::Unavailable };
            let path = dir.path.display();
            let message = format!(
                "the granted directory {path} cannot be opened: {error:#}; create it, or change `dirs` in this cache's grants"
            );
            Failure::new(kind, message)
        })?;
    }
    Ok(wasi.build())
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.wasi_http, table: &mut self.table, hooks: &mut self.wasi_http_hooks }
    }
}
