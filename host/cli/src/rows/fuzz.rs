//! Fuzzing: whatever stands on standard input, it is read to its end, or has a problem in one of its lines; and what is
//! read does not depend on how the bytes arrive.

use std::io::BufReader;

use clap::Parser;
use kiwi_host::Limits;

use super::shape::Shape;
use crate::args::{Cli, Command};

/// What a byte from 128 on stands for. Below that it stands for itself.
const PIECES: &[&[u8]] = &[
    b"{\"key\": \"FR\", \"value\": 1.10}\n",
    b"{\"value\":[{}],\"key\":-0.0}\n",
    b"{\"id\":1,\"n\":1.10}",
    b"{\"id\":\"FR\",\"n\":{\"m\":[2]}},",
    b"{\"n\":[{}],\"id\":-0.0}\n",
    b"\"id\":",
    b"\"n\":{\"m\":",
    b"\"\\u00e9\"",
    b"\"\\ud800\"",
    b"\\\"",
    b"\xc3\xa9",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"id,n\n",
    b"\"a,\"\"b\"\n",
    b"FR,0576\n",
    b"1e400",
    b"null",
    b"}]",
    b"[",
];

const FLAGS: [&[&str]; 7] = [
    &[],
    &["--key", "id"],
    &["--key", "id", "--key", "/n/m/0"],
    &["--input-format", "json"],
    &["--input-format", "json", "--key", "id"],
    &["--input-format", "csv", "--key", "id"],
    &["--input-format", "ndjson", "--key", "n"],
];

type Found = (Vec<(u64, String, String)>, Result<(), String>);

fn read(flags: &[&str], text: &[u8], chunk: usize) -> Found {
    let args = ["kiwi-host", "publish", "rates"].iter().chain(flags);
    let Ok(Command::Publish(args)) = Cli::try_parse_from(args).map(|cli| cli.command) else { panic!("valid flags") };
    let limits = Limits { value_bytes: 64, key_bytes: 8, ..Limits::default() };
    let mut entries = Vec::new();
    let shape = Shape::new(&args).expect("valid flags");
    let result = shape.read(BufReader::with_capacity(chunk, text), &limits, |line, key, value| {
        entries.push((line, key.to_owned(), value.to_owned()));
        Ok(())
    });
    (entries, result.map_err(|problem| problem.to_string()))
}

#[test]
fn given_rows() {
    bolero::check!().with_iterations(2_000).with_max_len(40).for_each(|input: &[u8]| {
        let Some((&first, input)) = input.split_first() else { return };
        let piece = |byte: &u8| match byte.checked_sub(128) {
            None => vec![*byte],
            Some(index) => PIECES[usize::from(index) % PIECES.len()].to_vec(),
        };
        let text: Vec<u8> = input.iter().flat_map(piece).collect();
        let flags = FLAGS[usize::from(first) % FLAGS.len()];
        let found = read(flags, &text, 1 << 16);
        assert_eq!(found, read(flags, &text, 1));
        let (entries, result) = found;
        let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count() as u64;
        for (line, ..) in &entries {
            assert!((1..=lines).contains(line), "{line} of {lines}");
        }
        if let Err(problem) = result {
            let line = problem.strip_prefix("line ").and_then(|rest| rest.split(':').next()?.parse::<u64>().ok());
            assert!(line.is_some_and(|line| (1..=lines + 1).contains(&line)), "{problem} (of {lines} lines)");
        }
    });
}
