//! Removes secrets from what a guest says: a second net, for the server that sends a secret back and the guest that
//! repeats what it got. It finds a secret as it stands, and in the forms that programs commonly give it; a guest that
//! wants to hide a secret from it can.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secret::Secret;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// A shorter secret is not looked for: too much else would look like it.
const MIN_BYTES: usize = 6;
/// Less of a longer secret is not looked for within a text.
const MIN_CUT_BYTES: usize = 8;

/// What RFC 3986 has encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &RESERVED.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// What must be encoded in a path.
const PATH: &AsciiSet =
    &COMPONENT.remove(b'$').remove(b'&').remove(b'+').remove(b',').remove(b';').remove(b'=').remove(b':').remove(b'@');

/// The secrets to remove.
#[derive(Default)]
pub(super) struct Scrubber {
    /// Every form of every secret, the longest first: no form hides a part of a longer one.
    forms: Vec<String>,
}

impl Scrubber {
    pub(super) fn add(&mut self, secret: &Secret) {
        if self.forms.iter().any(|form| form == secret.expose()) {
            return;
        }
        self.forms.extend(forms(secret.expose()));
        self.forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms.dedup();
    }

    /// A whole text. A guest may have cut off what is in it: the first half of a secret is removed, too.
    pub(super) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut scrubbed = Cow::Borrowed(text);
        for form in &self.forms {
            let head = &form[..form.floor_char_boundary(form.len().min(MIN_CUT_BYTES.max(form.len() / 2)))];
            if scrubbed.contains(head) {
                scrubbed = Cow::Owned(without(&scrubbed, head, &form[head.len()..]));
            }
        }
        scrubbed
    }

    /// A text that was cut out of a longer one: what is left of a secret at either end is removed, too.
    pub(super) fn scrub_part<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let whole = self.scrub(text);
        let begins = self.forms.iter().filter_map(|form| ends(form).find(|&end| whole.starts_with(end))).map(str::len);
        let first = begins.max().unwrap_or(0);
        let rest = &whole[first..];
        let ends =
            self.forms.iter().filter_map(|form| beginnings(form).find(|&part| rest.ends_with(part))).map(str::len);
        let last = ends.max().unwrap_or(0);
        if first == 0 && last == 0 {
            return whole;
        }
        let kept = &rest[..rest.len() - last];
        let hidden = |bytes| if bytes > 0 { HIDDEN } else { "" };
        Cow::Owned(format!("{}{kept}{}", hidden(first), hidden(last)))
    }
}

/// A text without this head of a secret, and as much of its rest as follows.
fn without(text: &str, head: &str, rest: &str) -> String {
    let mut parts = text.split(head);
    let mut without = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let of_rest = part.chars().zip(rest.chars()).take_while(|(found, wanted)| found == wanted);
        let cut: usize = of_rest.map(|(found, _)| found.len_utf8()).sum();
        without.push_str(HIDDEN);
        without.push_str(&part[cut..]);
    }
    without
}

/// What may be left of a secret whose beginning was cut off, the longest first.
fn ends(form: &str) -> impl Iterator<Item = &str> {
    let starts = form.char_indices().skip(1).map(|(start, _)| &form[start..]);
    starts.take_while(|end| end.len() >= MIN_BYTES)
}

/// What may be left of a secret whose end was cut off, the longest first.
fn beginnings(form: &str) -> impl Iterator<Item = &str> {
    let ends = form.char_indices().rev().map(|(end, _)| &form[..end]);
    ends.take_while(|beginning| beginning.len() >= MIN_BYTES)
}

/// A secret as it stands, escaped as in JSON and by Rust's `Debug`, percent-encoded, in Base64 wherever it begins, and
/// each of its lines.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if secret.contains('\n') {
        forms.extend(secret.lines().map(|line| line.trim_end_matches('\r').to_owned()));
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    forms.push(json.to_owned());
    // As some write it, so that it may stand in HTML.
    forms.push(json.replace('/', "\\/"));
    forms.push(secret.escape_debug().to_string());
    for encoded in [RESERVED, COMPONENT, PATH] {
        let upper = utf8_percent_encode(secret, encoded).to_string();
        forms.push(lower_digits(&upper));
        forms.push(upper);
    }
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    if secret.len() >= MIN_BYTES {
        forms.extend((0..3).flat_map(|offset| in_base64(secret.as_bytes(), offset)));
    }
    forms.retain(|form| form.len() >= MIN_BYTES);
    forms
}

/// A percent-encoded text with small letters as digits.
fn lower_digits(encoded: &str) -> String {
    let mut digits = 0;
    let lower = encoded.chars().map(|char| match (char, digits) {
        ('%', _) => {
            digits = 2;
            char
        }
        (_, 0) => char,
        _ => {
            digits -= 1;
            char.to_ascii_lowercase()
        }
    });
    lower.collect()
}

/// What Base64 makes of a secret `offset` bytes behind a multiple of three: the characters that follow from it alone.
fn in_base64(secret: &[u8], offset: usize) -> [String; 2] {
    let padded = [&vec![0; offset][..], secret].concat();
    let (first, end) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    let cut = |encoded: String| encoded[first..end].to_owned();
    [cut(BASE64_STANDARD.encode(&padded)), cut(BASE64_URL_SAFE.encode(&padded))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scrubber(secrets: &[&str]) -> Scrubber {
        let mut scrubber = Scrubber::default();
        secrets.iter().for_each(|secret| scrubber.add(&Secret::new((*secret).to_owned())));
        scrubber
    }

    #[test]
    fn a_secret_is_removed_in_each_of_its_forms() {
        let secret = "p/w+d \"ü\"\n=";
        let scrubber = scrubber(&[secret]);
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [
            secret.to_owned(),
            serde_json::to_string(secret).unwrap(),
            serde_json::to_string(secret).unwrap().replace('/', "\\/"),
            format!("{secret:?}"),
            format!("https://h/?key={encoded}&x=1"),
            "https://h/?key=p%2Fw%2Bd%20%22%C3%BC%22%0A%3D&x=1".to_owned(),
            "https://h/?key=p%2fw%2bd%20%22%c3%bc%22%0a%3d&x=1".to_owned(),
        ] {
            let scrubbed = scrubber.scrub(&form);
            assert!(scrubbed.contains("***") && !scrubbed.contains("/w+d") && !scrubbed.contains("%22"), "{scrubbed}");
        }
        assert_eq!(scrubber.scrub("nothing in here"), "nothing in here");
    }

    #[test]
    fn the_longest_secret_is_removed_first_and_a_short_one_is_left() {
        let scrubber = scrubber(&["s3cret", "s3cret-and-more", "abc", "first line\nsecond line"]);
        assert_eq!(scrubber.scrub("a s3cret, s3cret-and-more, abc"), "a ***, ***, abc");
        assert_eq!(scrubber.scrub("it ends in: second line"), "it ends in: ***");
    }

    #[test]
    fn what_is_left_of_a_secret_at_a_cut_is_removed() {
        let scrubber = scrubber(&["0123456789abcdef"]);
        assert_eq!(
            scrubber.scrub("begins with `0123456789…`, `01234567`, `0123456`"),
            "begins with `***…`, `***`, `0123456`"
        );
        assert_eq!(scrubber.scrub("0123456789abcdef0123456789abcdefx"), "******x");
        assert_eq!(scrubber.scrub_part("6789abcdef: no, 01234567"), "***: no, ***");
        assert_eq!(scrubber.scrub_part("456789abcdef"), "***");
        assert_eq!(scrubber.scrub_part("x 0123456789abcdef 01234"), "x *** 01234");
        assert_eq!(scrubber.scrub_part("bcdef 01234"), "bcdef 01234");
        assert_eq!(scrubber.scrub_part(""), "");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_stays_in_base64(before in "[ -~]{0,5}", secret in "[ -~]{8,40}", after in "[ -~]{0,5}") {
            let scrubber = scrubber(&[&secret]);
            let whole = format!("{before}{secret}{after}");
            for encoded in [BASE64_STANDARD.encode(&whole), BASE64_URL_SAFE.encode(&whole)] {
                prop_assert!(scrubber.scrub(&encoded).contains(HIDDEN), "{encoded}");
            }
            let scrubbed = scrubber.scrub_part(&whole).into_owned();
            prop_assert!(!scrubbed.contains(&secret) || HIDDEN.contains(&secret), "{scrubbed}");
        }
    }
}
