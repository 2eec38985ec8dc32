//! Returns 400,000 entries at once, which should have been emitted in batches.

wit_bindgen::generate!({ path: "../../../wit", world: "loader" });

struct GiantList;

impl Guest for GiantList {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        Ok((0..400_000).map(|n| Entry { key: n.to_string(), value: n.to_string() }).collect())
    }
}

export!(GiantList);
