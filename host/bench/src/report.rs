//! What people get to see: the table, and BENCHMARKS.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::desk::{Desk, Size};
use crate::figure::Measured;
use crate::machine;
use crate::plots::PLOTS;

const HEAD: [&str; 6] = ["figure", "what", "median", "runs", "target", "met"];

/// The figures as a table of text.
pub(crate) fn table(measured: &[Measured]) -> String {
    let rows: Vec<[String; 6]> = measured.iter().map(Measured::cells).collect();
    // What is measured is long, and stands in BENCHMARKS.md.
    let columns = [0, 2, 3, 4, 5];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(HEAD[column].len())
    };
    let widths = columns.map(width);
    let line = |cells: [&str; 5]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut table = line(columns.map(|column| HEAD[column]));
    for row in &rows {
        table += &line(columns.map(|column| row[column].as_str()));
    }
    table
}

/// Writes BENCHMARKS.md; the plots lie in `docs` beside it.
pub(crate) fn write(directory: &Path, desk: &Desk, measured: &[Measured]) -> Result<()> {
    let file = directory.join("BENCHMARKS.md");
    fs::write(&file, markdown(desk, measured)?).with_context(|| format!("{} cannot be written", file.display()))
}

fn markdown(desk: &Desk, measured: &[Measured]) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`, which measures all of this again; `cargo xtask bench --figure NAME` measures one.\n",
    );
    if desk.size == Size::Quick {
        text += "\n**Measured with `--quick`: small maps, one run. These figures mean nothing.**\n";
    }
    text += "\n| | |\n| --- | --- |\n";
    for (what, which) in machine::describe(desk)? {
        writeln!(text, "| {what} | {which} |")?;
    }
    text += HOW;
    text += "\n## Figures\n\n| figure | what | median | of the runs | target | met |\n| --- | --- | --- | --- | --- | --- |\n";
    for measured in measured {
        writeln!(text, "| {} |", measured.cells().map(|cell| cell.replace('|', "\\|")).join(" | "))?;
    }
    text += "\nMade of (medians; s, ms, µs, ns are times):\n\n";
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

Everything runs on one machine in one go: a redis-server of its own for each figure (no persistence), the host, and the
peer, in turn, run by run. A figure is the median, over the runs, of the ratio within one turn. The map has keys of
16 bytes and values of 101 bytes of JSON; the same code makes it in the component and in the native loader
([tests/guests/bench_map](tests/guests/bench_map/src/map.rs)).

- **redis-cli --pipe** writes the same entries by `HSET` x 500, prepared in a file; its time is that of the program.
- **kiwi-cache** is the one on PyPI ([tests/kiwi_cache/bench.py](tests/kiwi_cache/bench.py)); its time is that of `refill_cache()` or
  `reload_from_cache()`, measured inside Python. Its loader makes the map, as ours does; what that takes is told.
- **Bytes** are what Redis says it has received (`total_net_input_bytes`).
- **Stall**: a client on a connection of its own sends a PING every 150 µs; the longest wait counts, less the longest while
  nothing else happens. Redis and that client run before all others where `renice` is allowed, so that Redis is measured
  and not the scheduler of two cores.
- **Peak memory** is Linux' `VmHWM` of the `kiwi-host` process; **processor time** is that of its `/proc/PID/stat`.
- **Lag**: the time between two commits of one cache, as a subscriber sees them, less the interval.

`cargo bench -p kiwi-bench` has what single entries cost, measured by criterion.
";
