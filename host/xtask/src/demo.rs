//! `cargo xtask demo`: from a fresh clone to published data in one command.

use std::path::Path;

use anyhow::Result;

use crate::command::{Run, say};
use crate::{plugins, setup, workspace};

const CONFIG: &str = "examples/kiwi.toml";

/// How to run it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Ends after the first refill of each cache, and reads one airline back
    #[arg(long)]
    once: bool,
    /// Publishes there instead of in examples/.kiwi, for example redis://127.0.0.1:6379
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Handed to `kiwi-host run`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "RUN ARGS")]
    rest: Vec<String>,
}

/// Builds the loaders and the host, and runs them on real data.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    plugins::build()?;
    let kiwi_host = plugins::build_command()?;
    let run = args.command(&kiwi_host, "run").args(&args.rest);
    if args.once {
        run.arg("--once").run()?;
        args.command(&kiwi_host, "status").run()?;
        args.command(&kiwi_host, "get").args(["airlines", "FR"]).run()?;
        say("that was the whole way: loaded in a sandbox, published in one step, read back; next:");
        args.say_what_next(&kiwi_host);
        return Ok(());
    }
    say("while it runs (Ctrl-C ends it), type in another terminal:");
    args.say_what_next(&kiwi_host);
    run.become_it()
}

impl Args {
    fn command(&self, kiwi_host: &Path, subcommand: &str) -> Run {
        Run::new(kiwi_host).arg(subcommand).args(self.place(CONFIG))
    }

    fn place(&self, config: &str) -> Vec<String> {
        let mut place = vec!["--config".to_owned(), config.to_owned()];
        if let Some(store) = &self.store {
            place.extend(["--store".to_owned(), store.clone()]);
        }
        place
    }

    fn say_what_next(&self, kiwi_host: &Path) {
        // Whoever types this may be in another directory.
        let place = self.place(&workspace::root().join(CONFIG).display().to_string()).join(" ");
        for what in ["get airlines FR", "get currencies EUR", "keys rates", "status"] {
            eprintln!("    {} {what} {place}", kiwi_host.display());
        }
    }
}
