//! The map that `cargo xtask bench` measures with: keys of 16 bytes, values of 101 bytes of JSON. The component and
//! the native loader of kiwi-bench both include this file, so that they load the same bytes.

const KEY: &str = "airline:________";
const VALUE: &str =
    r#"{"code":"________","name":"Airline ________","country":"IE","rating":4.5,"open":true,"made":1_______}"#;

/// Where the digits are in a key and in a value.
const KEY_NUMBER: usize = 8;
const CODE: usize = 9;
const NAME: usize = 35;
const MADE: usize = 93;

/// A map of any size, a part of which changes with each load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    /// How many entries it has, at most a hundred million.
    pub(crate) entries: u32,
    /// How many percent of the entries change with each generation. They are spread over the map.
    pub(crate) changed: f64,
    /// The number of the load, of which the last seven digits are used.
    pub(crate) generation: u32,
}

impl Map {
    /// The entries, in the order of their keys.
    pub(crate) fn entries(self) -> impl Iterator<Item = (String, String)> {
        (0..self.entries).map(move |number| (key(number), self.value(number)))
    }

    fn value(&self, number: u32) -> String {
        let made = if changes(number, self.changed) { self.generation } else { 0 };
        let mut value = VALUE.as_bytes().to_vec();
        put::<8>(&mut value[CODE..], number);
        put::<8>(&mut value[NAME..], number);
        put::<7>(&mut value[MADE..], made);
        text(value)
    }
}

/// The key of the entry of this number.
pub(crate) fn key(number: u32) -> String {
    let mut key = KEY.as_bytes().to_vec();
    put::<8>(&mut key[KEY_NUMBER..], number);
    text(key)
}

/// Whether an entry changes: always the same entries, spread evenly.
fn changes(number: u32, changed: f64) -> bool {
    let place = f64::from(number.wrapping_mul(2_654_435_761)) / 2f64.powi(32);
    place * 100.0 < changed
}

fn put<const DIGITS: usize>(text: &mut [u8], mut number: u32) {
    for digit in text[..DIGITS].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn text(ascii: Vec<u8>) -> String {
    String::from_utf8(ascii).expect("it is ASCII")
}
