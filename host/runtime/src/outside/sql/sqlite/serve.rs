//! The thread that holds a connection: answers what is asked until nobody asks any more.

use rusqlite::{Connection, Statement};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connect::Connected;
use super::query;
use crate::outside::sql::rows::{Column, RowWriter};
use crate::outside::sql::session::Question;

impl Connected {
    /// Answers until the last line to it is dropped; then ends what still runs.
    pub(crate) async fn serve(self, mut asked: mpsc::Receiver<Question>, ended: CancellationToken) {
        let Self { connection, interrupted } = self;
        let mut thread = tokio::task::spawn_blocking(move || answer(&connection, &mut asked));
        tokio::select! {
            _ = &mut thread => return,
            () = ended.cancelled() => interrupted.cancel(),
        }
        let _ = thread.await;
    }
}

fn answer(connection: &Connection, asked: &mut mpsc::Receiver<Question>) {
    while let Some(question) = asked.blocking_recv() {
        match question {
            // A file has nothing that tells one moment from another at no cost.
            Question::Moment(reply) => drop(reply.send(Ok(None))),
            Question::Query { statement, params, reply } => match query::prepare(connection, &statement, &params) {
                Ok((columns, statement)) => {
                    // Nobody reads the result of a question that took too long.
                    if reply.send(Ok(columns.clone())).is_ok() {
                        rows(statement, columns, asked);
                    }
                }
                Err(failure) => {
                    let _ = reply.send(Err(failure));
                }
            },
            Question::Fetch(..) | Question::Close => question.refuse_without_result(),
        }
    }
}

/// Reads the open result as it is asked for, until its end, or until no more is wanted.
fn rows(mut statement: Statement<'_>, columns: Vec<Column>, asked: &mut mpsc::Receiver<Question>) {
    let mut rows = statement.raw_query();
    let mut writer = RowWriter::new(columns);
    while let Some(question) = asked.blocking_recv() {
        match question {
            Question::Fetch(fetch, reply) => {
                let _ = reply.send(query::fetch(&mut rows, &mut writer, &fetch));
            }
            Question::Close => return,
            other => other.refuse_beside_result(),
        }
    }
}
