//! Replies from the bytes of the fuzzer: mostly of the shape that the command expects.

use crate::chunk::ChunkBuilder;
use crate::{Delta, frame};

pub(super) const ID: &str = "00000000000000000000000000000001";
const IDS: &[&str] = &[ID, "00000000000000000000000000000002", "ffffffffffffffffffffffffffffffff", "x"];
const NUMBERS: &[&str] =
    &["0", "1", "2", "60000", "1700000000", "1700000000123", "9223372036854775807", "18446744073709551615", "-1", "-2"];
const LAYOUTS: &[&str] = &["hash", "record", "both", "version", ""];
const VIEWS: &[&str] = &[ID, "", ">", "00000000000000000000000000000001>00000000000000000000000000000002", "x>y"];
const MANIFESTS: &[&str] = &[
    "{\"format\":2,\"partitions\":64,\"entries\":2,\"root\":\"\",\"segments\":[0,1]}",
    "{\"format\":2,\"partitions\":1,\"entries\":0,\"root\":\"\",\"segments\":[]}",
    "{\"format\":9,\"partitions\":64,\"entries\":2,\"root\":\"\",\"segments\":[0]}",
    "{}",
];
const TEXTS: &[&str] = &["FR", "{\"n\": 1.10}", "resource:Airlines", "resource:", "\"é\"", "err", "", "}"];
const RECORDS: &[&str] = &[
    "{\"data\": {\"FR\": 1}, \"timestamp\": 1700000000.123456}",
    "{\"data\": {}, \"timestamp\": 1e300}",
    "{\"data\": {}, \"timestamp\": 18446744073709551614}",
    "{\"timestamp\": -1, \"data\": {\"FR\": {}}}",
    "{\"data\": {}, \"timestamp\": null}",
    "{\"data\": 1}",
];
const ERRORS: &[&str] =
    &["ERR odd", "WRONGTYPE odd", "NOSCRIPT odd", "OOM odd", "NOPERM odd", "LOADING odd", "MOVED 1 x:1"];

/// The bytes that are left. At their end, every choice is the first.
pub(super) struct Replies {
    bytes: std::vec::IntoIter<u8>,
}

impl Replies {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into_iter() }
    }

    /// The reply to a command.
    pub(super) fn to(&mut self, command: &[String]) -> Vec<u8> {
        if self.choice() > 240 {
            return self.anything(0);
        }
        match command[0].as_str() {
            "TIME" => self.times(2, |replies| replies.one_of(NUMBERS)),
            "HMGET" => {
                let fields = command[2..].iter().map(|field| self.field(field)).collect();
                self.array(fields)
            }
            "HLEN" | "PTTL" | "STRLEN" | "XLEN" => {
                let choice = self.choice();
                format!(":{}\r\n", NUMBERS[choice % NUMBERS.len()].parse::<i64>().unwrap_or(-3)).into_bytes()
            }
            "HGET" => self.field(&command[2]),
            "GET" | "GETRANGE" => self.one_of(RECORDS),
            "HSCAN" => {
                let (cursor, count) = (self.one_of(NUMBERS), self.choice() % 5);
                let entries = self.times(count, |replies| replies.one_of(TEXTS));
                self.array(vec![cursor, entries])
            }
            "XREVRANGE" | "XRANGE" => {
                let count = self.choice() % 4;
                self.times(count, Self::record_of_changes)
            }
            _ => self.anything(0),
        }
    }

    pub(super) fn array(&mut self, items: Vec<Vec<u8>>) -> Vec<u8> {
        [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat()
    }

    fn times(&mut self, count: usize, mut item: impl FnMut(&mut Self) -> Vec<u8>) -> Vec<u8> {
        let items = (0..count).map(|_| item(self)).collect();
        self.array(items)
    }

    fn choice(&mut self) -> usize {
        self.bytes.next().unwrap_or_default().into()
    }

    fn one_of(&mut self, texts: &[&str]) -> Vec<u8> {
        match self.choice() {
            choice if choice > 240 => self.anything(0),
            choice => bulk(texts[choice % texts.len()].as_bytes()),
        }
    }

    /// A field of meta, or of the lease.
    fn field(&mut self, name: &str) -> Vec<u8> {
        match name {
            "id" | "root" | "token" | "base" => self.one_of(IDS),
            "version" if self.choice() < 100 => bulk(b""),
            "version" => self.one_of(IDS),
            "view" => self.one_of(VIEWS),
            "manifest" => self.one_of(MANIFESTS),
            "inline" | "0" | "1" => self.chunk(),
            "layout" => self.one_of(LAYOUTS),
            "record" | "record_tail" | "mark" | "err" | "err_kind" => self.one_of(TEXTS),
            "format" if self.choice() < 200 => bulk(b"2"),
            _ => self.one_of(NUMBERS),
        }
    }

    fn record_of_changes(&mut self) -> Vec<u8> {
        let (id, from, to) = (bulk(b"1-1"), self.one_of(IDS), self.one_of(IDS));
        let delta = match self.choice() {
            choice if choice > 200 => self.anything(0),
            choice => {
                bulk(&frame::pack(&Delta { removed: vec!["FR".to_owned(); choice % 3], ..Delta::default() }.pack()))
            }
        };
        let fields = vec![bulk(b"from"), from, bulk(b"to"), to, bulk(b"delta"), delta];
        let fields = self.array(fields);
        self.array(vec![id, fields])
    }

    fn chunk(&mut self) -> Vec<u8> {
        match self.choice() {
            choice if choice > 200 => self.anything(0),
            choice if choice > 150 => bulk(&frame::pack(&self.bytes.by_ref().take(choice - 150).collect::<Vec<u8>>())),
            choice => {
                let mut chunk = ChunkBuilder::default();
                ["FR", "LH"].iter().take(choice % 3).for_each(|key| chunk.push(key, "1"));
                bulk(&chunk.pack())
            }
        }
    }

    /// A reply of any shape.
    fn anything(&mut self, depth: usize) -> Vec<u8> {
        match self.choice() % 8 {
            0 => b"$-1\r\n".to_vec(),
            1 => self.one_of(NUMBERS).into_iter().collect(),
            2 => format!(":{}\r\n", i64::from_le_bytes([0; 8].map(|_: u8| self.choice() as u8))).into_bytes(),
            3 => b"+OK\r\n".to_vec(),
            4 => {
                let choice = self.choice();
                format!("-{}\r\n", ERRORS[choice % ERRORS.len()]).into_bytes()
            }
            5 if depth < 4 => {
                let count = self.choice() % 20;
                self.times(count, |replies| replies.anything(depth + 1))
            }
            6 => self.one_of(RECORDS),
            _ => {
                let length = self.choice() % 40;
                let bytes: Vec<u8> = self.bytes.by_ref().take(length).collect();
                bulk(&bytes)
            }
        }
    }
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
