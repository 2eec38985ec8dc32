//! Which names there are, for whoever has misspelt one.

/// How similar a name must be to be the one that was meant, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.75;
/// Longer names are not compared: that takes the product of the lengths.
const MAX_COMPARED: usize = 100;
/// How many names are listed where none is similar.
const MAX_LISTED: usize = 10;
/// How many characters of a name are shown.
const MAX_SHOWN: usize = 60;

/// The name that was meant, if one is similar enough.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let names = names.into_iter().map(|name| (similarity(wanted, name), name));
    let (similarity, nearest) = names.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (similarity > MIN_SIMILARITY).then_some(nearest)
}

/// The name that was meant, or else those that there are.
pub fn hint<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = nearest(wanted, names.iter().copied()) {
        return format!("did you mean `{}`?", shown(name));
    }
    let listed: Vec<String> = names.iter().take(MAX_LISTED).map(|name| format!("`{}`", shown(name))).collect();
    let more = names.len() - listed.len();
    match listed.as_slice() {
        [] => "there are none".to_owned(),
        [name] => format!("there is {name}"),
        listed if more == 0 => format!("there are {}", listed.join(", ")),
        listed => format!("there are {} and {more} more", listed.join(", ")),
    }
}

/// From 0 to 1. One slip of a finger is similar enough, also in a short name, where Jaro-Winkler sees little in common.
fn similarity(wanted: &str, name: &str) -> f64 {
    if wanted.len() > MAX_COMPARED || name.len() > MAX_COMPARED {
        return 0.0;
    }
    let (wanted, name) = (wanted.trim().to_ascii_lowercase(), name.trim().to_ascii_lowercase());
    match strsim::osa_distance(&wanted, &name) {
        0 => 1.0,
        1 if wanted.len() > 2 => 0.99,
        _ => strsim::jaro_winkler(&wanted, &name),
    }
}

/// The beginning of a name or a value from a source, for messages.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let names = ["iata", "icao", "name", "Elevation (ft)"];
        assert_eq!(hint("itaa", names), "did you mean `iata`?");
        assert_eq!(hint("IATA", names), "did you mean `iata`?");
        assert_eq!((nearest("iat", names), nearest("zone", names)), (Some("iata"), None));
        assert_eq!(hint("elevation", names), "did you mean `Elevation (ft)`?");
        assert_eq!(hint("zone", ["a", "b"]), "there are `a`, `b`");
        assert_eq!(hint("zone", []), "there are none");
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let names: Vec<String> = (10..1_000).map(|n| n.to_string()).collect();
        let listed = hint("zone", names.iter().map(String::as_str));
        assert!(listed.ends_with("`19` and 980 more"), "{listed}");
        let long = "x".repeat(1 << 20);
        assert_eq!(hint("zone", [long.as_str()]), format!("there is `{}...`", "x".repeat(MAX_SHOWN)));
        assert_eq!(shown(&"é".repeat(61)), "é".repeat(60) + "...");
    }
}
