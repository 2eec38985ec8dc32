//! What an error of MySQL or MariaDB means for a load.

use mysql_async::Error;

use crate::failure::{Failure, FailureKind, chain};
use crate::printable;

/// Codes of what may pass: too many connections, a wrong password, an unknown database, a shutdown, a lost connection, a
/// lock, a limit of the user, a query that was ended.
const MAY_PASS: &[u16] = &[
    1040, 1041, 1043, 1044, 1045, 1049, 1053, 1077, 1078, 1079, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1203, 1205,
    1206, 1213, 1226, 1290, 1317, 1698, 1820, 1862, 1927, 1969, 2002, 2003, 2006, 2013, 3024, 3118, 3169, 3170, 4031,
    4151,
];

/// Codes of a text that is no single SELECT: syntax, an INTO or a SHOW where it cannot stand, what cannot be prepared, two
/// columns of one name.
const OF_THE_TEXT: &[u16] = &[1060, 1064, 1065, 1149, 1221, 1235, 1295, 1327, 1415, 1746, 3622];

/// An error of a server, or of the connection to it.
pub(super) fn failure(error: &Error) -> Failure {
    match error {
        Error::Server(error) => {
            let kind = match MAY_PASS.contains(&error.code) {
                true => FailureKind::Unavailable,
                false => FailureKind::Other,
            };
            Failure::new(kind, format!("{} (error {})", printable::message(&error.message), error.code))
        }
        error => {
            let said = chain(error);
            match said.contains("larger than max_allowed_packet") {
                true => Failure::limit(
                    "value_bytes",
                    "a row is larger than a value of the map may be; leave its largest column out",
                ),
                false => Failure::new(FailureKind::Unavailable, said),
            }
        }
    }
}

/// The code of a user or a password that the server does not accept, or of a certificate that it misses.
const ACCESS_DENIED: u16 = 1045;

/// An error of a server that does not let us in, with what else may be missing.
pub(super) fn of_connecting(error: &Error, advice: &str) -> Failure {
    let failure = failure(error);
    match error {
        Error::Server(server) if server.code == ACCESS_DENIED => {
            Failure { message: format!("{}{advice}", failure.message), ..failure }
        }
        _ => failure,
    }
}

/// An error of a statement that is to be proved to be a SELECT.
pub(super) fn of_statement(error: &Error) -> Failure {
    let failure = failure(error);
    match error {
        Error::Server(server) if OF_THE_TEXT.contains(&server.code) => {
            Failure { kind: FailureKind::InvalidSettings, ..failure }
        }
        _ => failure,
    }
}
