//! `cargo xtask demo`: from a fresh clone to published data in one command.

use std::path::Path;

use anyhow::Result;

use crate::command::{Run, say};
use crate::{components, host, setup, workspace};

const CONFIG: &str = "examples/kiwi.toml";

/// Options of the demo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Refill each cache once, read one airline back, and exit
    #[arg(long)]
    once: bool,
    /// Store to publish to instead of examples/.kiwi, for example redis://127.0.0.1:6379
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Arguments for `kiwi-host run`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "RUN ARGS")]
    rest: Vec<String>,
}

/// Builds the plugins and the host, and runs them on real data.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::wasm_target()?;
    components::build_plugins()?;
    let kiwi_host = host::build_command()?;
    let run = args.kiwi_host(&kiwi_host, "run").args(&args.rest);
    if args.once {
        run.arg("--once").run()?;
        args.kiwi_host(&kiwi_host, "status").run()?;
        args.kiwi_host(&kiwi_host, "get").args(["airlines", "FR"]).run()?;
        say("done: loaded in a sandbox, published in one step, and read back; next, try:");
        args.print_next_commands(&kiwi_host);
        return Ok(());
    }
    say("while it runs (press Ctrl-C to stop), try in another terminal:");
    args.print_next_commands(&kiwi_host);
    run.exec()
}

impl Args {
    fn kiwi_host(&self, kiwi_host: &Path, subcommand: &str) -> Run {
        Run::new(kiwi_host).arg(subcommand).args(self.options(CONFIG))
    }

    fn options(&self, config: &str) -> Vec<String> {
        let mut options = vec!["--config".to_owned(), config.to_owned()];
        if let Some(store) = &self.store {
            options.extend(["--store".to_owned(), store.clone()]);
        }
        options
    }

    fn print_next_commands(&self, kiwi_host: &Path) {
        // Absolute paths: the other terminal may be in another directory.
        let options = self.options(&workspace::root().join(CONFIG).display().to_string()).join(" ");
        for what in ["get airlines FR", "get kiwi_airlines W6", "keys rates", "status"] {
            eprintln!("    {} {what} {options}", kiwi_host.display());
        }
    }
}
