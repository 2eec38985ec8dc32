//! What one guest instance can reach: built anew for each load, gone with it.

use std::sync::Arc;

use kiwi_store::Name;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::files::{Files, FilesView};
use super::guest_log::GuestLog;
use super::limiter::Limiter;
use super::refusals::{Refusals, SocketAttempt};
use super::wasi_http::Hooks;
use crate::config::connection::Connection;
use crate::config::grants::Grants;
use crate::config::limits::Limits;
use crate::entries::intake::Intake;
use crate::failure::Failure;
use crate::loader::mark::Marks;
use crate::memory::Memory;
use crate::outside::http::{Allowance, HttpClient};
use crate::outside::load_secrets::LoadSecrets;
use crate::outside::sql::Databases;

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
    pub(super) databases: Databases,
    /// Those that the guest may read.
    pub(super) connections: Vec<Connection>,
    pub(super) secrets: LoadSecrets,
    pub(super) refusals: Refusals,
    pub(super) tried_socket: Option<SocketAttempt>,
    pub(super) files: Files,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    wasi_http_hooks: Hooks,
}

/// What a guest instance is made with.
pub(super) struct Capabilities<'a> {
    pub(super) cache: &'a Name,
    pub(super) settings: String,
    pub(super) grants: &'a Grants,
    pub(super) files: Files,
    pub(super) limits: &'a Limits,
    pub(super) max_resources: usize,
    pub(super) client: Arc<HttpClient>,
    pub(super) databases: Databases,
    pub(super) intake: Option<Intake>,
    pub(super) published_mark: Option<String>,
    pub(super) secrets: LoadSecrets,
}

impl State {
    /// A store for one call into one instance.
    pub(super) fn store(engine: &Engine, given: Capabilities<'_>) -> Store<Self> {
        let log = GuestLog::new(given.cache.clone(), given.limits.log_bytes, given.secrets.clone());
        let memory = Memory::new(given.limits.memory);
        let progress = given.intake.as_ref().map(|intake| Arc::clone(intake.progress())).unwrap_or_default();
        let allowance = Allowance::new(given.limits, memory.clone(), progress, given.secrets.clone());
        let refusals = Refusals::default();
        let state = Self {
            table: table(given.grants, given.max_resources),
            limiter: Limiter::new(memory),
            limits: given.limits.clone(),
            files: given.files,
            wasi: wasi(given.grants, &log),
            wasi_http: wasi_http(),
            wasi_http_hooks: Hooks::new(given.client.clone(), allowance.clone(), refusals.clone()),
            log,
            settings: given.settings,
            marks: Marks::new(given.published_mark),
            intake: given.intake,
            client: given.client,
            databases: given.databases,
            connections: given.grants.connections.clone(),
            allowance,
            secrets: given.secrets,
            refusals,
            tried_socket: None,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(given.limits.hostcall_bytes).unwrap_or(usize::MAX));
        // A guest that spins gives way at each tick, so that the deadline around the call can end it.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        store
    }

    /// The files as the guest sees them.
    pub(super) fn files(&mut self) -> FilesView<'_> {
        FilesView { files: &mut self.files, table: &mut self.table }
    }

    /// Keeps the first refusal, and gives this one back for the guest.
    pub(super) fn refuse(&mut self, failure: Failure) -> Failure {
        self.refusals.keep(failure)
    }
}

/// Streams, files, headers and responses in a guest's hands: as many as a program needs.
const MAX_RESOURCES: usize = 256;
/// At the least, however few files the process may open: each directory, file and stream of a guest is one of them.
const MIN_RESOURCES: usize = 32;
/// The headers of one request or response in memory.
const FIELD_BYTES: usize = 64 << 10;

/// How many resources a guest may hold that can open files, so that all guests together leave the host half of the files
/// that it may open.
pub(super) fn max_resources(max_files: u64, max_loads: usize) -> usize {
    let share = usize::try_from(max_files / 2).unwrap_or(usize::MAX) / max_loads.max(1);
    share.clamp(MIN_RESOURCES, MAX_RESOURCES)
}

/// What a guest holds. Without a directory there are no files that it could open.
fn table(grants: &Grants, with_files: usize) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(if grants.dirs.is_empty() { MAX_RESOURCES } else { with_files });
    table
}

fn wasi_http() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELD_BYTES);
    context
}

fn wasi(grants: &Grants, log: &GuestLog) -> WasiCtx {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(log.stdout()).stderr(log.stderr());
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            wasi.env(name, value);
        }
    }
    wasi.build()
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

#[cfg(test)]
mod tests {
    use super::max_resources;

    #[test]
    fn all_guests_together_leave_the_host_half_of_its_files() {
        for (files, loads, each) in [(1024, 16, 32), (20_000, 16, 256), (4096, 16, 128), (u64::MAX, 1024, 256)] {
            assert_eq!(max_resources(files, loads), each);
            assert!((each * loads) as u64 <= files / 2);
        }
    }
}
