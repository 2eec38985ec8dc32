//! Every environment variable it can see, and how many these are.

use std::collections::BTreeMap;

use kiwi_loader::Error;

fn load_from_source() -> Result<BTreeMap<String, String>, Error> {
    let mut variables: BTreeMap<String, String> = std::env::vars().collect();
    variables.insert("variables".into(), variables.len().to_string());
    Ok(variables)
}

kiwi_loader::loader!(load_from_source);
