//! What an error of PostgreSQL means for a load.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::stream::TooLong;
use crate::failure::{Failure, FailureKind, chain};
use crate::printable;

/// An error of a server, or of the connection to it. Of the server's words only the message is shown: detail, hint and
/// context may quote data.
pub(super) fn failure(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(error) => Failure::new(kind(error), said(error)),
        None => match too_long(error) {
            Some(TooLong { bytes }) => Failure::limit(
                "value_bytes",
                format!("a row of {bytes} bytes is more than a value may have; leave its largest column out"),
            ),
            None => Failure::new(FailureKind::Unavailable, chain(error)),
        },
    }
}

/// An error of a server that does not let us in, with what else may be missing.
pub(super) fn of_connecting(error: &Error, advice: &str) -> Failure {
    let failure = failure(error);
    match error.code() {
        Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            Failure { message: format!("{}{advice}", failure.message), ..failure }
        }
        _ => failure,
    }
}

/// An error of a statement that is to be proved to be a SELECT: its syntax is then the loader's business.
pub(super) fn of_statement(error: &Error) -> Failure {
    let failure = failure(error);
    match error.code() {
        Some(&(SqlState::SYNTAX_ERROR | SqlState::FEATURE_NOT_SUPPORTED | SqlState::INDETERMINATE_DATATYPE)) => {
            Failure { kind: FailureKind::InvalidSettings, ..failure }
        }
        _ => failure,
    }
}

fn said(error: &DbError) -> String {
    let code = error.code();
    let advice = match *code {
        // Between transactions that only read there are no others of this code.
        SqlState::T_R_SERIALIZATION_FAILURE => {
            "; a standby ends what stands in the way of its recovery: a higher `max_standby_streaming_delay` or \
             `hot_standby_feedback` there gives loads more time"
        }
        SqlState::CANNOT_CONNECT_NOW => "; it is starting, stopping, or a standby that does not take queries yet",
        _ => "",
    };
    format!("{} (SQLSTATE {}){advice}", printable::message(error.message()), code.code())
}

fn kind(error: &DbError) -> FailureKind {
    let code = error.code();
    // Connection, authorization, resources, operator's intervention, system; and what a second try may do.
    let may_pass = ["08", "28", "53", "57", "58"].iter().any(|class| code.code().starts_with(class))
        || [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::INVALID_CATALOG_NAME,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code);
    match may_pass {
        true => FailureKind::Unavailable,
        false => FailureKind::Other,
    }
}

fn too_long(error: &Error) -> Option<&TooLong> {
    let error = error.source()?.downcast_ref::<std::io::Error>()?;
    error.get_ref()?.downcast_ref()
}
