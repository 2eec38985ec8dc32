//! The text of JSON pointers (RFC 6901).

/// The steps of a pointer without its first `/`.
#[must_use]
pub fn steps(path: &str) -> Vec<String> {
    path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// A pointer with one more step.
#[must_use]
pub fn with_step(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The place in an array that a step names: digits, without leading zeros.
#[must_use]
pub fn index(step: &str) -> Option<usize> {
    let is_canonical = |index: &usize| index.to_string() == step;
    step.parse().ok().filter(is_canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_written_as_it_is_read() {
        assert_eq!(steps("a~1b/~0/~01"), ["a/b", "~", "~1"]);
        assert_eq!(with_step(&with_step("", "a/b"), "~1"), "/a~1b/~01");
        assert_eq!(
            (index("10"), index("0"), index("01"), index("+1"), index("")),
            (Some(10), Some(0), None, None, None)
        );
    }
}
