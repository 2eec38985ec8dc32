//! Installing packages on Debian and its derivatives.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::Run;

/// Installs a package. If that is not possible, the error asks to install `otherwise` by hand.
pub(crate) fn install(package: &str, otherwise: &str) -> Result<()> {
    if !Path::new("/etc/debian_version").exists() || !Run::new("apt-get").arg("--version").succeeds() {
        bail!("{package} is missing: install {otherwise}, then run this again");
    }
    let sudo: &[&str] = if Run::new("test").args(["-w", "/var/lib/dpkg"]).succeeds() {
        &[]
    } else if Run::new("sudo").args(["-n", "true"]).succeeds() {
        &["sudo", "-n"]
    } else {
        bail!(
            "{package} is missing, and installing it needs root: run `sudo apt-get install {package}`, then run this again"
        );
    };
    let apt_get = |args: &[&str]| {
        let words = [sudo, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"], args].concat();
        Run::new(words[0]).args(&words[1..])
    };
    // Without package lists the first attempt fails; offline, the package may still be cached.
    if !apt_get(&["install", "--no-install-recommends", package]).succeeds() {
        apt_get(&["update"]).run()?;
        apt_get(&["install", "--no-install-recommends", package]).run()?;
    }
    Ok(())
}
