//! The platforms that are published, and how the command is built for each.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use super::tools::Tools;
use crate::cargo::target_dir;
use crate::setup;

/// The profile of Cargo.toml for what is published.
const PROFILE: &str = "shipped";
/// The oldest glibc that Rust's standard library supports, of 2012.
const GLIBC: &str = "2.17";

/// One platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// x86-64, linked with glibc
    #[value(name = "x86_64-unknown-linux-gnu")]
    X86Gnu,
    /// x86-64, static
    #[value(name = "x86_64-unknown-linux-musl")]
    X86Musl,
    /// 64-bit ARM, linked with glibc
    #[value(name = "aarch64-unknown-linux-gnu")]
    ArmGnu,
    /// 64-bit ARM, static
    #[value(name = "aarch64-unknown-linux-musl")]
    ArmMusl,
}

impl Target {
    pub(super) const ALL: [Self; 4] = [Self::X86Gnu, Self::X86Musl, Self::ArmGnu, Self::ArmMusl];

    /// Its name in Rust.
    pub(super) const fn triple(self) -> &'static str {
        match self {
            Self::X86Gnu => "x86_64-unknown-linux-gnu",
            Self::X86Musl => "x86_64-unknown-linux-musl",
            Self::ArmGnu => "aarch64-unknown-linux-gnu",
            Self::ArmMusl => "aarch64-unknown-linux-musl",
        }
    }

    /// Whether it needs nothing of the system.
    pub(super) const fn is_static(self) -> bool {
        matches!(self, Self::X86Musl | Self::ArmMusl)
    }

    /// Its architecture, as container images name it.
    pub(super) const fn image_architecture(self) -> &'static str {
        match self {
            Self::X86Gnu | Self::X86Musl => "amd64",
            Self::ArmGnu | Self::ArmMusl => "arm64",
        }
    }

    /// Its name in a wheel's file name. A static command needs no particular musl; 1.1 is the oldest that installers know.
    pub(super) const fn wheel_platform(self) -> &'static str {
        match self {
            Self::X86Gnu => "manylinux_2_17_x86_64.manylinux2014_x86_64",
            Self::X86Musl => "musllinux_1_1_x86_64",
            Self::ArmGnu => "manylinux_2_17_aarch64.manylinux2014_aarch64",
            Self::ArmMusl => "musllinux_1_1_aarch64",
        }
    }

    /// Builds the command, and returns its path.
    pub(super) fn build(self, tools: &Tools) -> Result<PathBuf> {
        setup::rust_target(self.triple())?;
        let version = if self.is_static() { String::new() } else { format!(".{GLIBC}") };
        tools
            .zigbuild()
            .args(["--locked", "--profile", PROFILE, "--package", "kiwi-host-cli", "--target"])
            .arg(format!("{}{version}", self.triple()))
            .run()?;
        Ok(target_dir()?.join(self.triple()).join(PROFILE).join("kiwi-host"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_say_the_glibc_that_the_command_is_linked_for() {
        let platform = format!("manylinux_{}_", GLIBC.replace('.', "_"));
        for target in Target::ALL {
            assert_eq!(target.wheel_platform().starts_with(&platform), !target.is_static(), "{target}");
            let machine = target.triple().split('-').next().unwrap();
            assert!(target.wheel_platform().split('.').all(|tag| tag.ends_with(machine)), "{target}");
        }
    }
}
