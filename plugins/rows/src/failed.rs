//! What is wrong with a text, as the error of a load.

use kiwi_loader::Error;
use kiwi_rows::Problem;

/// Without its place. A text that cannot be read keeps the kind of error that its source has given.
pub(crate) fn failed(error: kiwi_rows::Error) -> Error {
    match error.problem {
        Problem::Io(error) => error.into(),
        problem => Error::other(problem),
    }
}

/// With its line.
pub(crate) fn failed_in_line(error: kiwi_rows::Error) -> Error {
    let line = error.line;
    failed(error).context(format_args!("line {line}"))
}
