//! Texts from the bytes of the fuzzer.

/// What a byte from 128 on stands for. Below that it stands for itself.
const PIECES: &[&[u8]] = &[
    b"{\"id\":1,\"n\":1.10}",
    b"{\"id\":\"FR\"},",
    b"{\"n\":[{}],\"id\":-0.0}\n",
    b"\"id\":",
    b"\"id\"",
    b"\"n\":",
    b"\"rows\":{",
    b"\"rows\":[",
    b"\"a\":[[",
    b"}]",
    b"]}",
    b"\"\\u00e9\"",
    b"\"\\ud800\"",
    b"\\\"",
    b"\"\\\\\"",
    b"\xc3\xa9",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"id,n\n",
    b"id;n\n",
    b"\"a,\"\"b\"\n",
    b"FR,0576\n",
    b"1e400",
    b"null",
    b"true,",
];

/// A text that need not be valid in any format.
pub(super) fn of_pieces(bytes: &[u8]) -> Vec<u8> {
    let piece = |byte: &u8| match byte.checked_sub(128) {
        None => vec![*byte],
        Some(index) => PIECES[usize::from(index) % PIECES.len()].to_vec(),
    };
    bytes.iter().flat_map(piece).collect()
}

const NAMES: &[&str] = &["\"id\"", "\"n\"", "\"rows\"", "\"a\"", "\"\\u0069d\"", "\"b/c~\"", "\"\"", "\"é\""];
const SCALARS: &[&str] = &[
    "1",
    "-0.0",
    "1.10",
    "1E+400",
    "true",
    "null",
    "\"\"",
    "\"FR\"",
    "\"\\ud83d\\ude00\"",
    "\"a \\\" {[\"",
    "12345678901234567890",
];
const BLANKS: &[&str] = &["", " ", "\n", "\t\r\n", "  "];

/// A valid JSON document: each byte opens or closes a container, or is a scalar.
pub(super) fn valid_json(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    let mut open = Vec::new();
    let mut is_fresh = true;
    for (at, byte) in bytes.iter().enumerate() {
        let (operation, which) = (byte % 8, usize::from(byte / 8));
        if at > 0 && open.is_empty() {
            break;
        }
        if operation < 2 && at > 0 {
            text.extend(open.pop());
            is_fresh = false;
            continue;
        }
        if !is_fresh {
            text.push(',');
        }
        text += BLANKS[which % BLANKS.len()];
        if open.last() == Some(&'}') {
            text += NAMES[which % NAMES.len()];
            text += BLANKS[which % 3];
            text.push(':');
        }
        match operation {
            0..=2 => {
                text.push('{');
                open.push('}');
            }
            3 => {
                text.push('[');
                open.push(']');
            }
            _ => text += SCALARS[which % SCALARS.len()],
        }
        is_fresh = operation <= 3;
        text += BLANKS[which % 2];
    }
    text.extend(open.iter().rev());
    text.into_bytes()
}

/// A pointer, mostly one that leads somewhere.
pub(super) fn pointer(byte: u8) -> Option<String> {
    const STEPS: &[&str] = &["/rows", "/a", "/0", "/1", "/01", "/+1", "/b~1c~0", "/", "/id", "/n", "/é", "/-"];
    let at = |index: usize| STEPS[index % STEPS.len()];
    match byte {
        0..128 => None,
        128..192 => Some(at(usize::from(byte)).to_owned()),
        _ => Some([at(usize::from(byte) / 4), at(usize::from(byte))].concat()),
    }
}
