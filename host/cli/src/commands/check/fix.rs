//! `kiwi-host check --fix`: adds missing settings and grants to kiwi.toml.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kiwi_host::{AskedGrant, CacheConfig, DirGrant, PluginError, Sandbox};
use kiwi_store::Name;
use toml_edit::DocumentMut;

use super::grants::{broad_dir, broad_http};
use super::report::{Finding, Report, Severity};
use crate::args::TargetArgs;
use crate::compile_cache;
use crate::config::{Config, select};
use crate::suggest::{self, Added, Missing};

/// Which grants a plugin needs may depend on settings that were added before.
const MAX_ROUNDS: usize = 3;
/// The content of a file that did not exist.
const NEW_FILE: &str = "store = \"file:.kiwi\"  # for Redis: \"redis://127.0.0.1:6379\"\n";

/// Adds what the caches lack, and reports each addition. Whatever it cannot add is left to the check that follows.
pub(super) async fn run(target: &TargetArgs, plugins: &[PathBuf], report: &mut Report<'_>) -> Result<()> {
    let Ok(sandbox) = Sandbox::new(compile_cache::compilation(), 1) else { return Ok(()) };
    for _ in 0..MAX_ROUNDS {
        // The check reports why the file cannot be read.
        let Ok(config) = Config::find(target.config.as_deref()) else { return Ok(()) };
        let Ok(caches) = select(config.as_ref(), plugins) else { return Ok(()) };
        let mut missing = Vec::new();
        let mut kept_back = Vec::new();
        for cache in caches {
            missing.extend(of_cache(&sandbox, config.as_ref(), cache, &mut kept_back).await);
        }
        if missing.is_empty() {
            return report.add_all(kept_back);
        }
        let file = File::of(target, config.as_ref())?;
        add_to(&file, &missing, report)?;
    }
    Ok(())
}

/// What a cache lacks, if it can be added. Grants that allow too much are not: a plugin asks for them, and only the
/// operator can give them.
async fn of_cache(
    sandbox: &Sandbox,
    config: Option<&Config>,
    cache: CacheConfig,
    kept_back: &mut Vec<Finding>,
) -> Option<(Name, Missing)> {
    if !suggest::placeholders(config, &cache).is_empty() {
        return None;
    }
    let inspection = kiwi_host::inspect(sandbox, &cache).await.ok()?;
    let mut missing = Missing::new(config, &cache, inspection.problem.as_ref().and_then(PluginError::needs)?);
    let base = config.and_then(|config| config.path.parent()).unwrap_or(Path::new(""));
    for grant in missing.take_grants(|grant| broad(grant, base).is_some()) {
        let why = broad(&grant, base).unwrap_or_default();
        let less = if is_credential(&grant) { "" } else { "grant less, or " };
        let message =
            format!("`{}` was not added to `grants.{}`: it {why}; {less}add it yourself", grant.name, grant.kind);
        kept_back.push(Finding::warning(&format!("cache `{}`", cache.name), message));
    }
    (!missing.is_empty()).then_some((cache.name, missing))
}

/// Why a grant allows too much.
fn broad(grant: &AskedGrant, base: &Path) -> Option<&'static str> {
    match grant.kind.as_str() {
        "dirs" => broad_dir(&DirGrant::new(&grant.name, base).path, base),
        "http" => grant.name.parse().ok().and_then(|grant| broad_http(&grant)),
        _ if is_credential(grant) => Some("is a credential of yours"),
        _ => None,
    }
}

fn is_credential(grant: &AskedGrant) -> bool {
    matches!(grant.kind.as_str(), "secrets" | "auth")
}

fn add_to(file: &File, missing: &[(Name, Missing)], report: &mut Report<'_>) -> Result<()> {
    let mut document: DocumentMut = file.text.parse().context("could not parse the configuration")?;
    let mut added: Vec<(&Name, Added)> = Vec::new();
    for (cache, missing) in missing {
        added.extend(suggest::add(&mut document, cache, missing).into_iter().map(|added| (cache, added)));
    }
    let text = file.replace(&document.to_string())?;
    for (cache, Added { path, text: line, reason, is_complete }) in added {
        let at = suggest::line_of(&text, &path).map_or(String::new(), |line| format!(":{line}"));
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let fill_in = if is_complete { "" } else { "; replace the placeholder by your value" };
        let message = format!("{}{at}: added `{line}`{reason}{fill_in}", file.path.display());
        report.add(Severity::Fixed, &format!("cache `{cache}`"), message)?;
    }
    Ok(())
}

/// A kiwi.toml that is about to be changed.
struct File {
    path: PathBuf,
    /// Its text; that of a new file if it does not exist.
    text: String,
    is_new: bool,
}

impl File {
    fn of(target: &TargetArgs, config: Option<&Config>) -> Result<Self> {
        let Some(config) = config else {
            let text = if target.store.is_some() { "" } else { NEW_FILE };
            return Ok(Self { path: "kiwi.toml".into(), text: text.to_owned(), is_new: true });
        };
        let path = config.path.clone();
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        Ok(Self { path, text, is_new: false })
    }

    /// Replaces the file in one step by one with this text, with the same owner and permissions. If the path is a
    /// symbolic link, what it leads to is replaced. Returns the text as written.
    fn replace(&self, text: &str) -> Result<String> {
        let shown = self.path.display();
        let text = self.with_its_line_ends(text);
        Config::parse(&self.path, &text)
            .with_context(|| format!("{shown} was not changed, because it would not be valid; please report this"))?;
        let path = if self.is_new { self.path.clone() } else { fs::canonicalize(&self.path)? };
        let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let failed = || format!("could not change {shown}");
        let mut new = tempfile::Builder::new();
        if self.is_new {
            // As the umask allows, like any other new file.
            new.permissions(Permissions::from_mode(0o666));
        }
        let mut file = new.tempfile_in(directory).with_context(failed)?;
        file.write_all(text.as_bytes()).with_context(failed)?;
        if !self.is_new {
            if fs::read_to_string(&path).with_context(failed)? != self.text {
                bail!("{shown} was changed by somebody else at the same time: run `kiwi-host check --fix` again");
            }
            let metadata = fs::metadata(&path).with_context(failed)?;
            let owner = file.as_file().metadata().with_context(failed)?;
            if (owner.uid(), owner.gid()) != (metadata.uid(), metadata.gid()) {
                fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid())).with_context(|| {
                    format!(
                        "could not change {shown}: the new file would belong to another user; run this as its owner"
                    )
                })?;
            }
            file.as_file().set_permissions(metadata.permissions()).with_context(failed)?;
        }
        file.as_file().sync_all().with_context(failed)?;
        if self.is_new {
            file.persist_noclobber(&path).with_context(failed)?;
        } else {
            file.persist(&path).with_context(failed)?;
        }
        Ok(text)
    }

    /// The line ends of the file as it was: toml_edit writes those of Unix, and drops a byte order mark.
    fn with_its_line_ends(&self, text: &str) -> String {
        let mark = if self.text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
        let (lines, windows) = (self.text.matches('\n').count(), self.text.matches("\r\n").count());
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let text = if windows > 0 && windows == lines { text.replace('\n', "\r\n") } else { text };
        format!("{mark}{text}")
    }
}
