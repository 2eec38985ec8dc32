//! Measures kiwi-host side by side with its peers. `cargo xtask bench` builds all that is needed and runs this.

mod desk;
mod figure;
mod figures;
mod machine;
#[path = "../../../tests/guests/bench_map/src/map.rs"]
mod map;
mod order;
mod peers;
mod plots;
mod probe;
mod process;
mod refiller;
mod report;
mod series;
mod server;
mod value;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};

use desk::{Desk, Places, Size};
use figure::{Figure, Measured};
use figures::{GROUPS, Group};
use plots::{PLOTS, Plot};

#[derive(Parser)]
#[command(name = "kiwi-bench", about = "Measures kiwi-host side by side with its peers")]
struct Args {
    #[command(flatten)]
    places: Places,
    /// Measures only this figure or plot; may be given several times
    #[arg(long = "figure", value_name = "NAME")]
    figures: Vec<String>,
    /// How the figures are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Small maps and one run: shows that all of it works, and nothing else
    #[arg(long)]
    quick: bool,
    /// Where BENCHMARKS.md and docs/ are written
    #[arg(long, value_name = "DIR")]
    report: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Human,
    /// One line of JSON a figure
    Json,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kiwi-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is measured badly is no failure; what cannot be measured is one, told at the end.
fn run(args: &Args) -> Result<()> {
    let asked = |name: &str| args.figures.is_empty() || args.figures.iter().any(|asked| asked == name);
    let groups: Vec<&Group> = GROUPS.iter().filter(|group| group.figures.iter().any(|f| asked(f.name))).collect();
    let plots: Vec<&Plot> = PLOTS.iter().filter(|plot| asked(plot.name)).collect();
    check_names(&args.figures)?;
    let desk = Desk::new(args.places.clone(), if args.quick { Size::Quick } else { Size::Whole })?;

    let (mut measured, mut failed) = (Vec::<Measured>::new(), Vec::new());
    for group in groups {
        let names: Vec<&str> = group.figures.iter().map(|figure| figure.name).collect();
        let names = names.join(", ");
        eprintln!("==> measuring {names}");
        match (group.measure)(&desk) {
            Ok(mut figures) => {
                figures.retain(|figure| asked(figure.figure().name));
                if args.format == Format::Json {
                    figures.iter().for_each(|figure| println!("{}", figure.to_json()));
                }
                measured.extend(figures);
            }
            Err(error) => {
                eprintln!("kiwi-bench: {names}: {error:#}");
                failed.push(names);
            }
        }
    }
    for plot in plots {
        eprintln!("==> measuring for the plot {}", plot.name);
        if let Err(error) = draw(plot, args, &desk) {
            eprintln!("kiwi-bench: {}: {error:#}", plot.name);
            failed.push(plot.name.to_owned());
        }
    }
    if args.format == Format::Human {
        print!("{}", report::table(&measured));
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    if args.figures.is_empty() {
        report::write(&args.report, &desk, &measured)?;
        eprintln!("==> {} is written", args.report.join("BENCHMARKS.md").display());
    }
    Ok(())
}

fn draw(plot: &Plot, args: &Args, desk: &Desk) -> Result<()> {
    let docs = args.report.join("docs");
    fs::create_dir_all(&docs).with_context(|| format!("{} cannot be made", docs.display()))?;
    let file = docs.join(plot.name).with_extension("svg");
    (plot.draw)(desk, &file)?;
    eprintln!("==> {} is drawn", file.display());
    Ok(())
}

fn check_names(asked: &[String]) -> Result<()> {
    let figures = GROUPS.iter().flat_map(|group| group.figures.iter().map(|figure: &&Figure| figure.name));
    let known: Vec<&str> = figures.chain(PLOTS.iter().map(|plot| plot.name)).collect();
    for name in asked {
        ensure!(known.contains(&name.as_str()), "there is no figure `{name}`: expected one of {}", known.join(", "));
    }
    Ok(())
}
