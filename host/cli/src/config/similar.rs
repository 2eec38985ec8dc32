//! What somebody probably meant.

/// How similar a name must be to a known one to be suggested (Jaro-Winkler).
const MIN_SIMILARITY: f64 = 0.75;

/// The known name that is most like this one, if one is similar enough.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let known = known.into_iter().map(|known| (similarity(name, known), known));
    let (similarity, nearest) = known.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (similarity > MIN_SIMILARITY).then_some(nearest)
}

/// From 0 to 1. One slip of a finger is similar enough, also in a short name, where Jaro-Winkler sees little in common.
fn similarity(name: &str, known: &str) -> f64 {
    if name.len() > 2 && strsim::osa_distance(name, known) == 1 { 1.0 } else { strsim::jaro_winkler(name, known) }
}
