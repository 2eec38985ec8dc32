//! Whether the store has what a host needs.

use std::path::Path;

use anyhow::Result;
use kiwi_store::StoreUrl;

use super::report::{Report, Severity};
use crate::exit::Exit;
use crate::target::Target;

/// Reports what the store lacks, or where it is.
pub(super) async fn check(target: &Target, report: &mut Report<'_>) -> Result<()> {
    let store = match target.store_to_create() {
        Ok(None) => target.open_existing_store(),
        Ok(Some(url)) => {
            if let Some(problem) = not_creatable(&url) {
                report.exit_at_least(Exit::Failure);
                return report.add(Severity::Error, "store", problem);
            }
            let message = format!("{url} does not exist yet; `kiwi-host run` creates it");
            return report.add(Severity::Ok, "store", message);
        }
        Err(error) => Err(error),
    };
    let store = match store {
        Ok(store) => store,
        Err(error) => return report.add_error("store", &error),
    };
    let findings = match store.check().await {
        Ok(findings) => findings,
        Err(error) => return report.add_error("store", &error.into()),
    };
    if findings.is_empty() {
        return report.add(Severity::Ok, "store", store.location());
    }
    for finding in findings {
        if finding.fatal {
            report.exit_at_least(Exit::Failure);
        }
        let severity = if finding.fatal { Severity::Error } else { Severity::Warning };
        report.add(severity, "store", finding.message)?;
    }
    Ok(())
}

/// Why an embedded store that does not exist yet cannot be created.
fn not_creatable(url: &str) -> Option<String> {
    let Ok(StoreUrl::Embedded(directory)) = url.parse() else { return None };
    let absolute = std::path::absolute(&directory).ok()?;
    let above = absolute.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let error = tempfile::tempfile_in(above).err()?;
    Some(format!(
        "{url} does not exist yet and cannot be created in {}: {error}; change the permissions of that directory, or \
         choose another one",
        above.display()
    ))
}
