//! The task that holds a connection: answers what is asked until nobody asks any more.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connect::Connected;
use super::failure::failure;
use super::query::{self, Prepared};
use crate::outside::sql::rows::{Column, RowWriter};
use crate::outside::sql::session::{Question, SqlLimits};

/// The longest that the server is given to end what it does, and to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// One transaction, in which nothing can be written, and all is of one moment.
const BEGIN: [&str; 3] = [
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION READ ONLY",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// Has the server end statements that run for longer than this by itself: a `KILL` needs a second connection, which it may
/// refuse. A shorter time that the operator has set stays. MariaDB runs the first comment, MySQL the second one, whose
/// variable takes nothing but an integer: one with a sign and one without make a decimal.
fn limit_statements(millis: u64) -> String {
    let seconds = Duration::from_millis(millis).as_secs_f64();
    format!(
        "/*M!100101 SET SESSION max_statement_time = IF(@@max_statement_time BETWEEN 0.000001 AND {seconds}, \
         @@max_statement_time, {seconds}) *//*!50708 SET SESSION max_execution_time = CAST(IF(@@max_execution_time BETWEEN \
         1 AND {millis}, @@max_execution_time, {millis}) AS UNSIGNED) */"
    )
}

impl Connected {
    /// Answers until the last line to it is dropped; then has the server end what it still does.
    pub(crate) async fn serve(mut self, mut asked: mpsc::Receiver<Question>, ended: CancellationToken) {
        let id = self.connection.id();
        let was_busy = tokio::select! {
            // First: an idle connection has nothing to end.
            biased;
            () = answer(&mut self.connection, self.limits, &mut asked) => false,
            () = ended.cancelled() => true,
        };
        let goodbye = async {
            match was_busy {
                true => kill(self.again, id).await,
                false => drop(self.connection.disconnect().await),
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}

/// Ends a connection from another one of the same user.
async fn kill(again: Opts, id: u32) {
    let Ok(mut connection) = Conn::new(again).await else { return };
    let _ = connection.query_drop(format!("KILL {id}")).await;
    let _ = connection.disconnect().await;
}

async fn answer(connection: &mut Conn, limits: SqlLimits, asked: &mut mpsc::Receiver<Question>) {
    if let Err(error) = begin(connection, limits).await {
        let failure = failure(&error);
        while let Some(question) = asked.recv().await {
            question.refuse(&failure);
        }
        return;
    }
    while let Some(question) = asked.recv().await {
        match question {
            // There is nothing that changes with each transaction, and only then.
            Question::Moment(reply) => drop(reply.send(Ok(None))),
            Question::Query { statement, params, reply } => {
                match query::prepare(connection, &statement, params).await {
                    Ok((columns, prepared)) => {
                        // Nobody reads the result of a question that took too long.
                        if reply.send(Ok(columns.clone())).is_ok() {
                            rows(connection, &prepared, columns, asked).await;
                        }
                        prepared.close(connection).await;
                    }
                    Err(failure) => {
                        let _ = reply.send(Err(failure));
                    }
                }
            }
            Question::Fetch(..) | Question::Close => question.refuse_without_result(),
        }
    }
}

async fn begin(connection: &mut Conn, limits: SqlLimits) -> Result<(), Error> {
    match connection.query_drop(limit_statements(limits.statement_millis())).await {
        Ok(()) => {}
        // What only speaks the protocol of MySQL may not know this.
        Err(Error::Server(error)) => tracing::debug!(code = error.code, "the server takes no limit for statements"),
        Err(error) => return Err(error),
    }
    for statement in BEGIN {
        connection.query_drop(statement).await?;
    }
    Ok(())
}

/// Runs a statement when its first rows are asked for, and reads its result as it is asked for, until its end, or until no
/// more is wanted.
async fn rows(connection: &mut Conn, prepared: &Prepared, columns: Vec<Column>, asked: &mut mpsc::Receiver<Question>) {
    let mut result = None;
    let mut writer = RowWriter::new(columns);
    let mut connection = Some(connection);
    while let Some(question) = asked.recv().await {
        match question {
            Question::Fetch(fetch, reply) => {
                if let Some(connection) = connection.take() {
                    match prepared.run(connection).await {
                        Ok(running) => result = Some(running),
                        Err(failure) => {
                            let _ = reply.send(Err(failure));
                            continue;
                        }
                    }
                }
                match &mut result {
                    Some(rows) => drop(reply.send(prepared.fetch(rows, &mut writer, &fetch).await)),
                    None => Question::Fetch(fetch, reply).refuse_without_result(),
                }
            }
            Question::Close => break,
            other => other.refuse_beside_result(),
        }
    }
    // The rows that nobody reads any more have to be taken in.
    if let Some(result) = result {
        let _ = result.drop_result().await;
    }
}
