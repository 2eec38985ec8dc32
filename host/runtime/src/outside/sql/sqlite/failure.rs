//! What an error of SQLite means for a load.

use rusqlite::{Error, ErrorCode};

use crate::failure::{Failure, FailureKind};
use crate::printable;

/// An error of a database.
pub(super) fn failure(error: &Error) -> Failure {
    let code = error.sqlite_error_code();
    if code == Some(ErrorCode::TooBig) {
        return Failure::limit("value_bytes", "a value of the database is larger than a value of the map may be");
    }
    let kind = match code {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OperationInterrupted
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            | ErrorCode::SchemaChanged,
        ) => FailureKind::Unavailable,
        _ => FailureKind::Other,
    };
    Failure::new(kind, said(error))
}

/// An error of a statement that is to be proved to be a SELECT.
pub(super) fn of_statement(error: &Error) -> Failure {
    let said = said(error);
    let is_of_the_text = matches!(error, Error::MultipleStatement | Error::Empty | Error::NulError(_))
        || error.sqlite_error_code() == Some(ErrorCode::AuthorizationForStatementDenied)
        // SQLite has no code of its own for syntax.
        || ["near ", "incomplete input", "unrecognized token"].iter().any(|start| said.starts_with(start));
    match is_of_the_text {
        true => Failure::new(FailureKind::InvalidSettings, format!("expected one SELECT that only reads: {said}")),
        false => failure(error),
    }
}

/// What SQLite says, without the statement.
fn said(error: &Error) -> String {
    let text = match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::MultipleStatement => "there are several statements".to_owned(),
        Error::Empty => "there is no statement".to_owned(),
        _ => error.to_string(),
    };
    printable::message(&text)
}
