//! The flags and subcommands. Nothing is resolved here: no file is read and no default is looked up.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use kiwi_store::Name;

use super::examples;

/// Keep reference data warm: run loaders in a sandbox, on a schedule, and publish their maps
#[derive(Parser)]
#[command(name = "kiwi-host", version, after_help = examples::ALL, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which configuration and which store to use.
#[derive(Args)]
#[command(next_help_heading = "Configuration and store")]
pub(crate) struct TargetArgs {
    /// Configuration file [default: kiwi.toml in this directory, or in one above it]
    #[arg(long, global = true, value_name = "FILE", env = "KIWI_CONFIG", hide_env_values = true, value_parser = maybe_empty())]
    pub(crate) config: Option<PathBuf>,
    /// Store to use: redis://HOST:6379, rediss://HOST, redis+unix:///PATH or file:DIR
    // The variable may hold a password, and --help would show it.
    #[arg(long, global = true, value_name = "URL", env = "KIWI_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// Prefix of all keys in Redis [default: kiwi:]
    #[arg(long, global = true, value_name = "PREFIX")]
    pub(crate) key_prefix: Option<String>,
}

/// How results and logs are written.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Format of results on standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Format of log lines on standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// When to use colours; `auto`: on a terminal, as NO_COLOR and CLICOLOR_FORCE say
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// More log output (-v: debug, -vv: also from libraries); KIWI_LOG takes a filter
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// When text gets colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run loaders on their schedule and publish their maps, until stopped
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Load caches once and exit, for example from cron
    #[command(after_help = examples::REFILL)]
    Refill(RefillArgs),
    /// Publish a whole map from standard input: the rows of a script, a query or a file
    #[command(after_help = examples::PUBLISH)]
    Publish(PublishArgs),
    /// Print the published value of one key
    #[command(after_help = examples::GET)]
    Get(GetArgs),
    /// Print the published keys of a cache, sorted
    #[command(after_help = examples::KEYS)]
    Keys(CacheArgs),
    /// Print a whole published map, sorted by key
    #[command(after_help = examples::DUMP)]
    Dump(CacheArgs),
    /// Show the state of each cache, and why, from any machine that reaches the store
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// List the plugins that are shipped with this command
    #[command(after_help = examples::PLUGINS)]
    Plugins,
    /// Show a plugin's settings and grants, and what to add to kiwi.toml
    #[command(after_help = examples::INSPECT)]
    Inspect(InspectArgs),
    /// Check configuration, plugins and store, without loading anything
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Delete a cache from the store
    #[command(after_help = examples::FORGET)]
    Forget(ForgetArgs),
    /// Compile the plugin on standard input, within limits (for this program itself)
    #[command(hide = true)]
    CompilePlugin(CompilePluginArgs),
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Plugins to run, by path or by the name of a shipped one [default: those of all caches in kiwi.toml]. A plugin that kiwi.toml uses runs
    /// with the caches that use it; any other plugin gets a cache named after its file
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugins: Vec<PathBuf>,
    /// Load each cache once, even if it is fresh, and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// Load each cache once and print its map instead of publishing it
    #[arg(long, conflicts_with = "once")]
    pub(crate) dry_run: bool,
    /// How long to wait for loads in flight after Ctrl-C or SIGTERM
    #[arg(long, value_name = "DURATION", default_value = "7s", value_parser = kiwi_host::parse_duration)]
    pub(crate) drain_timeout: Duration,
}

#[derive(Args)]
pub(crate) struct RefillArgs {
    /// Caches of kiwi.toml to load
    #[arg(value_name = "CACHE", required_unless_present = "all", conflicts_with = "all", value_parser = name)]
    pub(crate) caches: Vec<Name>,
    /// Load all caches of kiwi.toml
    #[arg(long)]
    pub(crate) all: bool,
    /// Publish even if `min_entries` or `max_shrink` would refuse the map
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) force: bool,
    /// Print nothing if all goes well; failures are printed on standard error
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) quiet: bool,
    /// Print the maps instead of publishing them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print only the differences from the published map, and whether a guard would refuse it (-v:
    /// without a limit on lines)
    #[arg(long, requires = "dry_run")]
    pub(crate) diff: bool,
}

#[derive(Args)]
pub(crate) struct PublishArgs {
    /// Cache to publish: one with `source = "publish"` in kiwi.toml, or one that is not in it
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
    /// Format of the rows [default: json if they begin with `[`, ndjson if they begin with `{`]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) input_format: Option<InputFormat>,
    /// Field of a row that is its key: a member, a CSV column, or a JSON pointer such as /name/common. If repeated, the
    /// fields are joined. The value is the whole row
    #[arg(long = "key", value_name = "FIELD")]
    pub(crate) keys: Vec<String>,
    /// Text between the fields of a key [default: `:`]
    #[arg(long, value_name = "TEXT")]
    pub(crate) key_separator: Option<String>,
    /// Publish only if there are exactly this many rows
    #[arg(long, value_name = "N")]
    pub(crate) expect_rows: Option<u64>,
    /// Publish even if `min_entries` or `max_shrink` would refuse the map
    #[arg(long)]
    pub(crate) force: bool,
    /// Print nothing if all goes well; failures are printed on standard error
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// The format of rows on standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    Ndjson,
    Json,
    Csv,
}

#[derive(Args)]
pub(crate) struct GetArgs {
    /// Name of the cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
    /// Key to look up
    pub(crate) key: String,
}

#[derive(Args)]
pub(crate) struct CacheArgs {
    /// Name of the cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
}

#[derive(Args)]
pub(crate) struct StatusArgs {
    /// Caches to show [default: all caches in the store or in kiwi.toml]
    #[arg(value_name = "CACHE", value_parser = name)]
    pub(crate) caches: Vec<Name>,
    /// Show only the caches that are not well, and how many are
    #[arg(long)]
    pub(crate) failing: bool,
    /// Exit with 1 if a cache is not well
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Also treat data as not well that was checked against its source longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = kiwi_host::parse_duration)]
    pub(crate) max_age: Option<Duration>,
}

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// Plugin to inspect: a path, or the name of a shipped one
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: PathBuf,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Plugins to check, as `run` would run them [default: those of all caches in kiwi.toml]
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugins: Vec<PathBuf>,
    /// Add missing settings and grants to kiwi.toml, print what was added, and check again
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Args)]
pub(crate) struct ForgetArgs {
    /// Name of the cache
    #[arg(value_parser = name)]
    pub(crate) cache: Name,
    /// Delete without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct CompilePluginArgs {
    /// Directory to keep the result in
    pub(crate) cache: Option<PathBuf>,
}

/// A path. An empty variable is as good as none.
fn maybe_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn name(text: &str) -> kiwi_store::Result<Name> {
    text.parse()
}
