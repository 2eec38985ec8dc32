//! `kiwi-host plugins`

use anyhow::{Context, Result};
use serde_json::json;

use crate::args::Format;
use crate::exit::Exit;
use crate::output::Output;
use crate::shipped;
use crate::style::Style;

/// Lists the plugins that were shipped with this command.
pub(crate) fn run(output: &mut Output) -> Result<Exit> {
    let directory = shipped::directory();
    let plugins = shipped::list().with_context(|| {
        format!(
            "could not read the directory of the shipped plugins, {}: set KIWI_PLUGINS if they are elsewhere",
            directory.display()
        )
    })?;
    match output.format() {
        Format::Human => {
            let rows = plugins.into_iter().map(|(name, path)| (Style::Plain, [name, path.display().to_string()]));
            output.table(["PLUGIN", "FILE"], rows, 0)?;
        }
        Format::Json => {
            let plugins: Vec<_> =
                plugins.into_iter().map(|(name, file)| json!({ "plugin": name, "file": file })).collect();
            output.json(&json!({ "directory": directory, "plugins": plugins }))?;
        }
    }
    Ok(Exit::Success)
}
