//! Its `describe` suggests the `reload_ttl` and the `cache_ttl` of its settings.

use kiwi_loader::{Description, Error, Settings};

#[derive(Settings)]
struct Settings {
    /// What to suggest.
    reload_ttl: Option<String>,
    /// What to suggest.
    cache_ttl: Option<String>,
}

fn load_from_source() -> Result<[(&'static str, u32); 1], Error> {
    Ok([("FR", 1)])
}

fn describe() -> Description {
    let mut description = Description::new("Loads one entry, as often as its settings say.").settings::<Settings>();
    let Ok(settings) = kiwi_loader::settings::<Settings>() else { return description };
    if let Some(ttl) = &settings.reload_ttl {
        description = description.reload_ttl(ttl);
    }
    if let Some(ttl) = &settings.cache_ttl {
        description = description.cache_ttl(ttl);
    }
    description
}

kiwi_loader::loader!(load_from_source, describe);
