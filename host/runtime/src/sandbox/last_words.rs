//! Why a guest says it ended: a panic, or the exception that nobody caught, from what it wrote to standard error.

/// One sentence from the end of standard error, if it holds a panic or an exception: what it was, and where.
pub(super) fn find(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().collect();
    let panic = Panic::find(&lines);
    // Python's runtime panics when an exception is not caught.
    let raised = panic.as_ref().is_none_or(|panic| panic.message.starts_with("Python function threw"));
    raised.then(|| exception(&lines)).flatten().or_else(|| panic.map(Panic::explain)).or_else(|| go_panic(&lines))
}

/// Whether these words say that the stack was used up, in one of the languages that notice it themselves.
pub(super) fn tell_of_recursion(words: &str) -> bool {
    const WORDS: [&str; 5] =
        ["RecursionError", "stack overflow", "stack exceeds", "Maximum call stack size exceeded", "too much recursion"];
    WORDS.iter().any(|word| words.contains(word))
}

/// A Rust panic: of the guest, or of the runtime that runs another language.
struct Panic {
    place: String,
    message: String,
}

impl Panic {
    /// The last one: `thread 'main' panicked at src/lib.rs:12:5:`, and the message on the lines below.
    fn find(lines: &[&str]) -> Option<Self> {
        let is_head = |line: &&str| line.starts_with("thread ") && line.contains(" panicked at ");
        let head = lines.iter().rposition(is_head)?;
        let (_, place) = lines[head].split_once(" panicked at ")?;
        let below = lines[head + 1..].iter().take_while(|line| !is_end_of_panic(line)).map(|line| line.trim());
        let message = below.collect::<Vec<_>>().join(" ").trim().to_owned();
        Some(Self { place: place.trim_end_matches(':').to_owned(), message })
    }

    fn explain(self) -> String {
        self.javascript().unwrap_or_else(|| format!("panicked at {}: {}", self.place, self.message))
    }

    /// QuickJS tells of an exception by a panic: `Exception { message: Some("..."), stack: Some("    at f (a.js:2:31)\n`.
    fn javascript(&self) -> Option<String> {
        let (_, exception) = self.message.split_once("Exception { message: Some(")?;
        let (message, stack) = exception.split_once(", stack: Some(\"")?;
        let message = message.trim_end_matches(')').trim_matches('"').replace("\\\"", "\"");
        let place = stack.split("\\n").next().map(str::trim).filter(|place| place.starts_with("at "));
        Some(place.map_or_else(|| message.clone(), |place| format!("{message}, {place}")))
    }
}

fn is_end_of_panic(line: &str) -> bool {
    line.starts_with("note: ") || line.starts_with("stack backtrace:")
}

/// The exception below the last traceback of Python, and where it was raised.
fn exception(lines: &[&str]) -> Option<String> {
    let head = lines.iter().rposition(|line| line.trim() == "Traceback (most recent call last):")?;
    let below = &lines[head + 1..];
    let end = below.iter().position(|line| !line.starts_with(' ') && !line.is_empty())?;
    let exception = below[end];
    let name = exception.split(':').next()?;
    if name.is_empty() || name.contains(|char: char| !char.is_alphanumeric() && char != '.' && char != '_') {
        return None;
    }
    let place = below[..end].iter().rev().find_map(|line| python_place(line.trim()));
    Some(place.map_or_else(|| exception.to_owned(), |place| format!("{exception}, in {place}")))
}

/// `compute (/0/app.py:9)`, from `File "/0/app.py", line 9, in compute`.
fn python_place(line: &str) -> Option<String> {
    let (file, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ")?;
    Some(format!("{function} ({file}:{number})"))
}

/// Go gives the reason first, then the stacks.
fn go_panic(lines: &[&str]) -> Option<String> {
    let is_head = |line: &&&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    lines.iter().rfind(is_head).map(|line| (*line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_rust_is_told_with_its_place() {
        let stderr = "a line before\n\nthread '<unnamed>' (1) panicked at src/lib.rs:12:5:\nindex out of bounds: the len \
                      is 3\nbut the index is 7\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        let words = "panicked at src/lib.rs:12:5: index out of bounds: the len is 3 but the index is 7";
        assert_eq!(find(stderr).as_deref(), Some(words));
    }

    /// As componentize-py 0.25 writes it.
    #[test]
    fn an_exception_of_python_is_told_with_its_place() {
        let panic = "\n\nthread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nPython function threw an \
                     unexpected exception\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        let traceback = "Traceback (most recent call last):\n  File \"/0/app.py\", line 21, in load_from_source\n  \
                         File \"/0/app.py\", line 9, in compute\nKeyError: 'b'";
        assert_eq!(find(&format!("{traceback}{panic}")).as_deref(), Some("KeyError: 'b', in compute (/0/app.py:9)"));

        let caused = "\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent \
                      call last):\n  File \"/0/app.py\", line 23, in load_from_source\n    raise ValueError(text)\n    \
                      ^^^^^\nValueError: row 17 has\nno rate";
        let words = "ValueError: row 17 has, in load_from_source (/0/app.py:23)";
        assert_eq!(find(&format!("{traceback}{caused}{panic}")).as_deref(), Some(words));

        // A traceback that was only logged is not why the guest ended.
        let words = find(&format!("{traceback}\n\nthread 'main' panicked at src/lib.rs:1:2:\nlater")).unwrap();
        assert_eq!(words, "panicked at src/lib.rs:1:2: later");
        assert!(tell_of_recursion("RecursionError: maximum recursion depth exceeded, in deep (/0/app.py:12)"));
    }

    /// As componentize-qjs 0.4 writes it.
    #[test]
    fn an_exception_of_javascript_is_told_with_its_place() {
        let stderr = "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\nFailed to call \
                      'loadFromSource': Value(Exception(\nException { message: Some(\"cannot read property 'map' of \
                      undefined\"), stack: Some(\"    at readRows (/jsapp/app.js:2:31)\\n    at loadFromSource \
                      (/jsapp/app.js:6:35)\\n\") })\n)\nnote: run with `RUST_BACKTRACE=1`";
        let words = "cannot read property 'map' of undefined, at readRows (/jsapp/app.js:2:31)";
        assert_eq!(find(stderr).as_deref(), Some(words));
    }

    #[test]
    fn other_lines_are_not_taken_for_a_reason() {
        assert_eq!(find(""), None);
        assert_eq!(find("loading 17 rows\ndone"), None);
        assert_eq!(
            find("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nobject address  : 0x48"),
            None
        );
        let go = "panic: runtime error: index out of range [7] with length 0\n\ngoroutine 1 [running]:\nmain.load()";
        assert_eq!(find(go).as_deref(), Some("panic: runtime error: index out of range [7] with length 0"));
    }
}
