//! Measures the figures and draws the plots that were asked for, and reports them.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::args::{Args, Format};
use crate::figure::{Figure, Measured};
use crate::figures::{GROUPS, Group};
use crate::plots::{PLOTS, Plot};
use crate::report;
use crate::setup::{Setup, Size};

/// A figure that misses its target is not a failure. One that cannot be measured is, after all others have been.
pub(crate) fn run(args: &Args) -> Result<()> {
    check_names(&args.figures)?;
    let setup = Setup::new(args.programs.clone(), if args.quick { Size::Quick } else { Size::Full })?;
    let mut failed = Vec::new();
    let mut measured = Vec::new();
    for group in GROUPS.iter().filter(|group| group.figures.iter().any(|figure| args.wants(figure.name))) {
        match measure(group, args, &setup) {
            Ok(figures) => measured.extend(figures),
            Err(error) => {
                eprintln!("kiwi-bench: {}: {error:#}", names(group));
                failed.push(names(group));
            }
        }
    }
    for plot in PLOTS.iter().filter(|plot| args.wants(plot.name)) {
        if let Err(error) = draw(plot, args, &setup) {
            eprintln!("kiwi-bench: {}: {error:#}", plot.name);
            failed.push(plot.name.to_owned());
        }
    }
    if args.format == Format::Human {
        println!("{}", report::table(&measured));
    }
    ensure!(failed.is_empty(), "could not measure: {}", failed.join(", "));
    if args.figures.is_empty() {
        report::write(&args.report, &setup, &measured)?;
        eprintln!("==> wrote {}", args.report.join("BENCHMARKS.md").display());
    }
    Ok(())
}

fn measure(group: &Group, args: &Args, setup: &Setup) -> Result<Vec<Measured>> {
    eprintln!("==> measuring {}", names(group));
    let mut figures = (group.measure)(setup)?;
    figures.retain(|figure| args.wants(figure.figure().name));
    if args.format == Format::Json {
        figures.iter().for_each(|figure| println!("{}", figure.to_json()));
    }
    Ok(figures)
}

fn draw(plot: &Plot, args: &Args, setup: &Setup) -> Result<()> {
    eprintln!("==> measuring for the plot {}", plot.name);
    let docs = args.report.join("docs");
    fs::create_dir_all(&docs).with_context(|| format!("could not create {}", docs.display()))?;
    let file = docs.join(plot.name).with_extension("svg");
    (plot.draw)(setup, &file)?;
    eprintln!("==> drew {}", file.display());
    Ok(())
}

fn names(group: &Group) -> String {
    group.figures.iter().map(|figure| figure.name).collect::<Vec<_>>().join(", ")
}

fn check_names(names: &[String]) -> Result<()> {
    let figures = GROUPS.iter().flat_map(|group| group.figures.iter().map(|figure: &&Figure| figure.name));
    let known: Vec<&str> = figures.chain(PLOTS.iter().map(|plot| plot.name)).collect();
    for name in names {
        ensure!(known.contains(&name.as_str()), "no figure `{name}`; expected one of {}", known.join(", "));
    }
    Ok(())
}
