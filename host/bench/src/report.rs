//! The table on standard output, and BENCHMARKS.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::ContentArrangement;
use comfy_table::presets::NOTHING;

use crate::figure::Measured;
use crate::machine;
use crate::plots::PLOTS;
use crate::setup::{Setup, Size};

const HEAD: [&str; 6] = ["figure", "what", "median", "runs", "target", "met"];

/// The figures as a table. It leaves out what is measured: that is long, and BENCHMARKS.md has it.
pub(crate) fn table(measured: &[Measured]) -> String {
    let shown = |[figure, _what, median, runs, target, met]: [String; 6]| [figure, median, runs, target, met];
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(shown(HEAD.map(str::to_owned)));
    table.add_rows(measured.iter().map(|measured| shown(measured.cells())));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Writes BENCHMARKS.md; the plots are in `docs` beside it.
pub(crate) fn write(directory: &Path, setup: &Setup, measured: &[Measured]) -> Result<()> {
    let file = directory.join("BENCHMARKS.md");
    fs::write(&file, markdown(setup, measured)?).with_context(|| format!("could not write {}", file.display()))
}

fn markdown(setup: &Setup, measured: &[Measured]) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`, which measures everything again; `cargo xtask bench --figure NAME` measures one figure.\n",
    );
    if setup.size == Size::Quick {
        text += "\n**Measured with `--quick`: small maps, one run. These figures mean nothing.**\n";
    }
    text += "\n| | |\n| --- | --- |\n";
    for (what, which) in machine::describe(setup)? {
        writeln!(text, "| {what} | {which} |")?;
    }
    text += HOW;
    text += "\n## Figures\n\n| figure | what | median | min .. max | target | met |\n| --- | --- | --- | --- | --- | --- |\n";
    for measured in measured {
        writeln!(text, "| {} |", measured.cells().map(|cell| cell.replace('|', "\\|")).join(" | "))?;
    }
    text += "\nThe medians behind the figures (s, ms, µs and ns are times):\n\n";
    for measured in measured.iter().filter(|measured| !measured.detail().is_empty()) {
        writeln!(text, "- `{}`: {}", measured.figure().name, measured.detail())?;
    }
    text += "\n## Plots\n";
    for plot in PLOTS {
        write!(text, "\n![{}](docs/{}.svg)\n", plot.title, plot.name)?;
    }
    Ok(text)
}

const HOW: &str = r"
## How

Everything runs on one machine: for each figure a new redis-server (without persistence), then in each run the host and
its peer, one after the other. Most figures are ratios of two times of the same run; the table shows the median over the
runs. The map has keys of 16 bytes and values of 101 bytes of JSON. The same code generates it in the component and in
the native loader ([tests/guests/bench_map](tests/guests/bench_map/src/map.rs)). The host, these benchmarks and the moka
peer use the allocator of the shipped command (mimalloc) and the release profile.

- **redis-cli --pipe** writes the same entries by `HSET` x 500, prepared in a file; the time is that of the whole program.
- **kiwi-cache** is the one on PyPI ([tests/kiwi_cache/bench.py](tests/kiwi_cache/bench.py)); the time is that of `refill_cache()` or
  `reload_from_cache()`, measured in Python. Its loader generates the map, as ours does; that part is shown as well.
- **Bytes** are those that Redis has received (`total_net_input_bytes`).
- **Stall**: a client on its own connection sends a PING every 150 µs. The figure is its longest wait, less its longest
  wait when idle. Redis and the client get a high priority if `renice` is allowed, so that the figure is about Redis and
  not about the scheduler.
- **A commit alone** is one call of `Publishing::commit`, timed in this process: from outside it cannot be told from the rest of a refill.
- **Peak memory** is Linux' `VmHWM` of the `kiwi-host` process, **resident memory** `VmRSS` of a process that does nothing but hold the map
  ([untyped-reader](host/bench/untyped-reader/main.rs)). **Memory of Redis** is its `used_memory` less that of the empty server.
- **Processor time** of the host is that of `/proc/PID/stat`, and of Redis that of its `INFO cpu`.
- **Readers** are `Cache`s in this process, so their own work on the same cores is part of the time that a change takes to reach them.
- **Lag**: the time between two commits of one cache, as a subscriber receives them, less the interval.

`cargo bench -p kiwi-bench` measures the cost of single entries, with criterion.
";
