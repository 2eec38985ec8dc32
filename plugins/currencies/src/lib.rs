//! The currencies of ISO 4217, compiled in: a loader that needs no settings and no grants.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Currency {
    code: String,
    number: String,
    minor_units: Option<u8>,
    name: String,
}

fn load_from_source() -> Result<BTreeMap<String, Currency>, csv::Error> {
    let rows = csv::Reader::from_reader(&include_bytes!("../iso-4217.csv")[..]).into_deserialize();
    rows.map(|row| row.map(|currency: Currency| (currency.code.clone(), currency))).collect()
}

kiwi_loader::loader!(load_from_source);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_are_unique_and_well_formed() {
        let currencies = load_from_source().unwrap();
        let numbers: std::collections::BTreeSet<&str> = currencies.values().map(|c| c.number.as_str()).collect();
        assert_eq!(include_str!("../iso-4217.csv").lines().count() - 1, currencies.len());
        assert_eq!(numbers.len(), currencies.len());
        for currency in currencies.values() {
            assert!(currency.code.len() == 3 && currency.code.bytes().all(|b| b.is_ascii_uppercase()));
            assert!(currency.number.len() == 3 && currency.number.bytes().all(|b| b.is_ascii_digit()));
            assert!(!currency.name.is_empty());
        }
        assert_eq!(currencies["EUR"].minor_units, Some(2));
        assert_eq!(currencies["JPY"].minor_units, Some(0));
        assert_eq!(currencies["XAU"].minor_units, None);
    }
}
