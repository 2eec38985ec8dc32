//! Where a secret comes from, as kiwi.toml says it: `{ env = "NAME" }` or `{ file = "PATH" }`.

use std::path::Path;

use kiwi_host::SecretSource;
use toml_edit::{Item, TableLike};

/// Reads such a table. A relative path is relative to `base`.
pub(super) fn secret(item: &Item, base: &Path) -> Result<SecretSource, String> {
    source(item, ["env", "file"], base)
}

/// As `secret`, with other keys: that of a variable, and that of a file.
pub(super) fn source(item: &Item, keys: [&str; 2], base: &Path) -> Result<SecretSource, String> {
    let [env, file] = keys;
    let expected = format!("`{{ {env} = \"NAME\" }}` or `{{ {file} = \"PATH\" }}`");
    // The value is not shown, nor a number: somebody may have written the secret itself.
    let table = item
        .as_table_like()
        .ok_or_else(|| format!("expected {expected}, found another type ({})", item.type_name()))?;
    let mut entries = table.iter().filter(|(_, item)| !item.is_none());
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(format!("expected {expected}, found {}", found(table)));
    };
    let text = value.as_str().filter(|text| !text.is_empty());
    match text {
        Some(name) if key == env => variable(name),
        Some(path) if key == file && !path.contains('\0') => Ok(SecretSource::File(base.join(path))),
        _ if key == env || key == file => Err(format!("`{key}` is not valid: expected {expected}")),
        _ => Err(format!("unknown key `{}`: expected {expected}", key.escape_debug())),
    }
}

fn variable(name: &str) -> Result<SecretSource, String> {
    let is_valid =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.as_bytes()[0].is_ascii_digit();
    // It may be the secret itself.
    is_valid.then(|| SecretSource::Env(name.to_owned())).ok_or_else(|| {
        "not a valid name of an environment variable: expected letters, digits and `_`, such as `API_TOKEN`".to_owned()
    })
}

fn found(table: &dyn TableLike) -> String {
    match table.len() {
        0 => "an empty table".to_owned(),
        keys => format!("{keys} keys"),
    }
}
