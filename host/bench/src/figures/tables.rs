//! Tables of databases, loaded by the plugin `table`.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use kiwi_host::{CacheConfig, testing};

use super::group::Group;
use crate::figure::{Figure, Measured, Target};
use crate::one_cache::{CACHE, Expected, OneCache};
use crate::peers::KiwiCache;
use crate::process::processor_time;
use crate::series::Series;
use crate::server::Server;
use crate::setup::Setup;
use crate::table::{TABLE, Table};

pub(super) const POSTGRES: Group =
    Group { figures: &[&VS_PIPE, &VS_KIWI_CACHE, &UNCHANGED, &CHANGED, &WASM_VS_NATIVE], measure: measure_postgres };
pub(super) const OTHERS: Group = Group { figures: &[&MARIADB, &SQLITE], measure: measure_others };

static VS_PIPE: Figure = Figure {
    name: "table-vs-pipe",
    what: "first refill from a table of 1M rows and 9 columns in PostgreSQL: time, compared with `psql \\copy | mawk | redis-cli --pipe`, without JSON",
    unit: "x",
    target: Target::AtMost(1.1),
};
static VS_KIWI_CACHE: Figure = Figure {
    name: "table-vs-kiwi-cache",
    what: "the same: how many times as fast as kiwi-cache's SQLAlchemyResource",
    unit: "x",
    target: Target::AtLeast(6.0),
};
static UNCHANGED: Figure = Figure {
    name: "table-unchanged",
    what: "refill from the same table, of which the database says that it is unchanged: time beyond connecting to the database",
    unit: "ms",
    target: Target::AtMost(5.0),
};
static CHANGED: Figure = Figure {
    name: "table-changed",
    what: "refill from the same table, of which 1 % of the rows have changed: time, compared with the first refill",
    unit: "x",
    target: Target::AtMost(0.45),
};
static WASM_VS_NATIVE: Figure = Figure {
    name: "table-wasm-vs-native",
    what: "load of the same table without a store: processor time, compared with the same without a sandbox",
    unit: "x",
    target: Target::AtMost(1.08),
};
static MARIADB: Figure = Figure {
    name: "mariadb-vs-client",
    what: "reading such a table in MariaDB, rows written as JSON: time, compared with `mariadb --quick`",
    unit: "x",
    target: Target::AtMost(1.1),
};
static SQLITE: Figure = Figure {
    name: "sqlite-vs-client",
    what: "reading such a table in SQLite, rows written as JSON: time, compared with `sqlite3`",
    unit: "x",
    target: Target::AtMost(0.6),
};

fn measure_postgres(setup: &Setup) -> Result<Vec<Measured>> {
    let server = Server::start();
    let table = Table::in_postgres(setup.entries());
    let plugin = OneCache::new(setup, &server.url(), table.by_plugin(setup)?)?;
    let native = CacheConfig::native(CACHE.parse()?, table.by_host()?);
    let native = OneCache::new(setup, &server.url(), native)?;
    let mut kiwi_cache = KiwiCache::of_table(setup, &server, &table.url()?, TABLE)?;

    let [mut by_plugin, mut by_pipe, mut by_kiwi_cache, mut changed] = std::array::from_fn(|_| Series::default());
    let [mut unchanged, mut connecting, mut cpu, mut native_cpu] = std::array::from_fn(|_| Series::default());
    for run in 0..setup.runs() {
        server.flush()?;
        by_pipe.push_time(table.pipe(&server)?);
        server.flush()?;
        by_plugin.push_time(plugin.refill(Expected::Published)?);
        for _ in 0..setup.full_or_quick(20, 1) {
            unchanged.push_time(plugin.refill(Expected::Unchanged)?);
            connecting.push(connect(setup, &table.by_host()?)?);
        }
        table.change(run);
        changed.push_time(plugin.refill(Expected::Published)?);
        native_cpu.push(processor_seconds(|| native.load_dry())?);
        cpu.push(processor_seconds(|| plugin.load_dry())?);
        server.flush()?;
        by_kiwi_cache.push_time(kiwi_cache.refill()?.0);
    }
    let beyond = unchanged.minus(&connecting).map(|seconds| seconds * 1e3);
    Ok(vec![
        VS_PIPE.measured(by_plugin.over(&by_pipe))?.with("table_s", &by_plugin).with("pipe_s", &by_pipe),
        VS_KIWI_CACHE
            .measured(by_kiwi_cache.over(&by_plugin))?
            .with("kiwi_cache_s", &by_kiwi_cache)
            .with("table_s", &by_plugin),
        UNCHANGED
            .measured(beyond)?
            .with("unchanged_ms", &unchanged.map(|seconds| seconds * 1e3))
            .with("connecting_ms", &connecting.map(|seconds| seconds * 1e3)),
        CHANGED.measured(changed.over(&by_plugin))?.with("changed_s", &changed).with("first_s", &by_plugin),
        WASM_VS_NATIVE.measured(cpu.over(&native_cpu))?.with("table_s", &cpu).with("native_s", &native_cpu),
    ])
}

fn measure_others(setup: &Setup) -> Result<Vec<Measured>> {
    let mariadb = against_client(setup, &MARIADB, &Table::in_mariadb(setup.entries()))?;
    let sqlite = against_client(setup, &SQLITE, &Table::in_sqlite(setup, setup.entries())?)?;
    Ok(vec![mariadb, sqlite])
}

fn against_client(setup: &Setup, figure: &'static Figure, table: &Table) -> Result<Measured> {
    let ours = table.by_host()?;
    let [mut by_host, mut by_client] = std::array::from_fn(|_| Series::default());
    for _ in 0..setup.runs() {
        by_client.push_time(table.read_by_client()?);
        let started = Instant::now();
        let read = setup.runtime.block_on(ours.read()).map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        by_host.push_time(started.elapsed());
        ensure!(read == u64::from(setup.entries()), "{read} rows were read");
    }
    Ok(figure.measured(by_host.over(&by_client))?.with("host_s", &by_host).with("client_s", &by_client))
}

/// Connects to the database as a refill of an unchanged table does. Returns the time in seconds.
fn connect(setup: &Setup, table: &testing::Table) -> Result<f64> {
    let started = Instant::now();
    let connected = setup.runtime.block_on(table.connect());
    connected.map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
    Ok(started.elapsed().as_secs_f64())
}

/// The processor time of this process for some work.
fn processor_seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let before = processor_time(std::process::id())?;
    work().context("a load without a store")?;
    Ok((processor_time(std::process::id())? - before).as_secs_f64())
}
