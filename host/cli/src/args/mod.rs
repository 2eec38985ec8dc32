//! The command line: typed flags, and nothing decided yet.

mod examples;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use kiwi_store::Name;

/// Keeps reference data warm: runs loaders in a sandbox on their schedule and publishes their maps.
#[derive(Parser)]
#[command(name = "kiwi-host", version, after_help = examples::ALL, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where configuration and data are.
#[derive(Args)]
#[command(next_help_heading = "Place")]
pub(crate) struct PlaceArgs {
    /// The configuration; ./kiwi.toml if it is there
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where maps are published: redis://HOST:6379, rediss://..., redis+unix:///PATH or file:DIR
    // The variable's value may hold a password, which --help would show.
    #[arg(long, global = true, value_name = "URL", env = "KIWI_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// What our keys in Redis begin with, if not `kiwi:`
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(crate) key_prefix: Option<String>,
}

/// How to say things.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// How results are written to standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// How log lines are written to standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Says more: -v what is done, -vv also what the libraries do; KIWI_LOG takes a filter
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs loaders on their schedule and publishes their maps, until it is told to stop
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Loads caches once, now, and ends: for cron
    #[command(after_help = examples::REFILL)]
    Refill(RefillArgs),
    /// Prints the published value of one key
    #[command(after_help = examples::GET)]
    Get(GetArgs),
    /// Prints the published keys of a cache, sorted
    #[command(after_help = examples::KEYS)]
    Keys(CacheArgs),
    /// Prints a whole published map, sorted by key
    #[command(after_help = examples::DUMP)]
    Dump(CacheArgs),
    /// Shows what is published, how old it is, and what went wrong
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Shows what a plugin is, what it takes and needs, and what to add to kiwi.toml
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArgs),
    /// Checks configuration, plugins and store, without loading anything
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Deletes everything of a cache from the store
    #[command(after_help = examples::FORGET)]
    Forget(ForgetArgs),
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Loaders to run. Those that caches of the configuration use run as these say, and no other
    /// cache does; any other gets a cache with defaults, named like the file. None: all caches
    #[arg(value_name = "PLUGIN.wasm")]
    pub(crate) plugins: Vec<PathBuf>,
    /// Loads each cache once, even if it is fresh, and ends
    #[arg(long)]
    pub(crate) once: bool,
    /// Loads each cache once and prints the maps instead of publishing them
    #[arg(long, conflicts_with = "once")]
    pub(crate) dry_run: bool,
    /// How long loads in flight may go on after Ctrl-C or SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = kiwi_host::parse_duration)]
    pub(crate) drain_timeout: std::time::Duration,
}

#[derive(Args)]
pub(crate) struct RefillArgs {
    /// The caches of the configuration to load
    #[arg(value_name = "CACHE", required_unless_present = "all", conflicts_with = "all", value_parser = name)]
    pub(crate) caches: Vec<Name>,
    /// All caches of the configuration
    #[arg(long)]
    pub(crate) all: bool,
    /// Publishes this once what `min_entries` and `max_shrink` would refuse
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) force: bool,
    /// Prints the maps instead of publishing them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Prints only what would change against what is published, and what the guards say; -v shows all
    /// of it
    #[arg(long, requires = "dry_run")]
    pub(crate) diff: bool,
}

#[derive(Args)]
pub(crate) struct GetArgs {
    /// The cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
    /// The key
    pub(crate) key: String,
}

#[derive(Args)]
pub(crate) struct CacheArgs {
    /// The cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
}

#[derive(Args)]
pub(crate) struct StatusArgs {
    /// The caches to show. None: all that the store or the configuration knows
    #[arg(value_name = "CACHE", value_parser = name)]
    pub(crate) caches: Vec<Name>,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// The plugin
    #[arg(value_name = "PLUGIN.wasm")]
    pub(crate) plugin: PathBuf,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Plugins to check as `run` would run them. None: those of all caches
    #[arg(value_name = "PLUGIN.wasm")]
    pub(crate) plugins: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ForgetArgs {
    /// The cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
    /// Does it; without this, nothing is deleted
    #[arg(long)]
    pub(crate) yes: bool,
}

fn name(text: &str) -> kiwi_store::Result<Name> {
    text.parse()
}
