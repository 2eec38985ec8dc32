//! Cycles in the graph of imports.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::Arrow;

/// The groups of files that reach each other, each with the arrows that tie it.
pub(crate) fn circles(arrows: &BTreeSet<Arrow>) -> Vec<Vec<String>> {
    let mut leads_to: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in arrows {
        leads_to.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        leads_to.keys().map(|from| (*from, reachable(&leads_to, from))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for from in leads_to.keys().filter(|from| reaches(from, from)) {
        if seen.contains(from) {
            continue;
        }
        let circle: BTreeSet<&str> =
            leads_to.keys().copied().filter(|to| reaches(from, to) && reaches(to, from)).collect();
        let ties = arrows.iter().filter(|arrow| circle.contains(&*arrow.from) && circle.contains(&*arrow.to));
        circles.push(ties.map(|arrow| format!("{} -> {}: {}", arrow.from, arrow.to, arrow.path)).collect());
        seen.extend(circle);
    }
    circles
}

fn reachable<'a>(leads_to: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = leads_to.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(leads_to.get(file).into_iter().flatten());
        }
    }
    found
}
