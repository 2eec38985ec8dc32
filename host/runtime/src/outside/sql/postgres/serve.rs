//! The task that holds a connection: answers what is asked until nobody asks any more.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel, SimpleQueryMessage, Transaction};
use tokio_util::sync::CancellationToken;

use super::connect::{Connected, Ended};
use super::failure::failure;
use super::query;
use crate::failure::Failure;
use crate::outside::sql::session::{Question, SqlLimits};

/// How long the connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Everything is set within the transaction: PgBouncer refuses settings at the start, and would give them to the next
/// client.
const SETTINGS: &str = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601'; \
                        SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; \
                        SET LOCAL client_encoding = 'UTF8'";

/// From this version on the server looks, while it works, whether its client is still there.
const CHECKS_ITS_CLIENT: u32 = 14;
const CHECK: &str = "; SET LOCAL client_connection_check_interval = '1s'";

/// Has the server end statements, and a transaction in which nothing happens, by itself after so many milliseconds, in case
/// that nobody can ask it to. A shorter time that the operator has set stays.
fn limit_statements(millis: u64) -> String {
    let limit = |setting: &str| {
        format!(
            "; SELECT set_config('{setting}', '{millis}ms', true) WHERE current_setting('{setting}')::interval NOT BETWEEN \
             '1ms' AND '{millis}ms'"
        )
    };
    limit("statement_timeout") + &limit("idle_in_transaction_session_timeout")
}

/// A savepoint around each statement: an error would end the transaction, and with it the moment that all statements see.
const SAVEPOINT: &str = "kiwi";

/// Equal text means that the same transactions are visible, in the same history of the same server: see `Session::moment`.
///
/// A copy of a server has its identifier, and counts its transactions from the same number: what starts anew (a copy, a
/// standby in place of the primary, an older state that was restored) has another time of start. One that recovers from the
/// crash of a process goes on without starting anew, and may give a lost transaction's number to another; but it makes a
/// checkpoint.
///
/// On a standby the snapshot does not list the transactions that are under way, so that the end of one of them may not show.
/// It is complete if none is: then it has no range.
const MOMENT: &str = "SELECT concat_ws(' ', current_database(), system_identifier, pg_postmaster_start_time(), \
                      checkpoint_lsn, seen) FROM pg_control_system(), pg_control_checkpoint(), pg_current_snapshot() AS \
                      seen WHERE NOT pg_is_in_recovery() OR pg_snapshot_xmin(seen) = pg_snapshot_xmax(seen)";

impl Connected {
    /// Answers until the last line to it is dropped; then has the server end what it still does.
    pub(crate) async fn serve(mut self, mut asked: mpsc::Receiver<Question>, ended: CancellationToken) {
        let was_busy = tokio::select! {
            // First: an idle connection has nothing to cancel.
            biased;
            () = answer(&mut self.client, self.version, self.limits, &self.ended, &mut asked) => false,
            () = ended.cancelled() => true,
        };
        if was_busy {
            self.canceller.cancel().await;
        }
        drop(self.client);
        let _ = tokio::time::timeout(GOODBYE, self.carrier).await;
    }
}

async fn answer(
    client: &mut Client,
    version: u32,
    limits: SqlLimits,
    ended: &Ended,
    asked: &mut mpsc::Receiver<Question>,
) {
    match begin(client, version, limits).await {
        Ok(mut transaction) => {
            while let Some(question) = asked.recv().await {
                one(&mut transaction, question, ended, asked).await;
            }
        }
        Err(error) => {
            let failure = ended.explain(failure(&error));
            while let Some(question) = asked.recv().await {
                question.refuse(&failure);
            }
        }
    }
}

/// Begins the one transaction of the connection. What it sees is decided by its first statement.
async fn begin(client: &mut Client, version: u32, limits: SqlLimits) -> Result<Transaction<'_>, tokio_postgres::Error> {
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let transaction = begin.start().await?;
    let check = if version >= CHECKS_ITS_CLIENT { CHECK } else { "" };
    let limit = limit_statements(limits.statement_millis());
    transaction.batch_execute(&format!("{SETTINGS}{check}{limit}")).await?;
    Ok(transaction)
}

async fn one(
    transaction: &mut Transaction<'_>,
    question: Question,
    ended: &Ended,
    asked: &mut mpsc::Receiver<Question>,
) {
    let savepoint = match transaction.savepoint(SAVEPOINT).await {
        Ok(savepoint) => savepoint,
        Err(error) => return question.refuse(&ended.explain(failure(&error))),
    };
    match question {
        Question::Moment(reply) => {
            let _ = reply.send(moment(&savepoint).await.map_err(|failure| ended.explain(failure)));
        }
        Question::Query { statement, params, reply } => match query::open(&savepoint, &statement, params).await {
            Ok((columns, open)) => {
                // Nobody reads the result of a question that took too long.
                if reply.send(Ok(columns)).is_ok() {
                    rows(&savepoint, open, ended, asked).await;
                }
            }
            Err(failure) => {
                let _ = reply.send(Err(ended.explain(failure)));
            }
        },
        Question::Fetch(..) | Question::Close => question.refuse_without_result(),
    }
    // If this fails, the next savepoint says so.
    let _ = savepoint.rollback().await;
}

/// Reads the open result as it is asked for, until its end, or until no more is wanted.
async fn rows(
    transaction: &Transaction<'_>,
    mut open: query::Open,
    ended: &Ended,
    asked: &mut mpsc::Receiver<Question>,
) {
    while let Some(question) = asked.recv().await {
        match question {
            Question::Fetch(fetch, reply) => {
                let fetched = open.fetch(transaction, &fetch).await;
                let _ = reply.send(fetched.map_err(|failure| ended.explain(failure)));
            }
            Question::Close => return,
            other => other.refuse_beside_result(),
        }
    }
}

/// `None`: the server is too old, does not tell this user, or is a standby of which it cannot be told.
async fn moment(transaction: &Transaction<'_>) -> Result<Option<String>, Failure> {
    match transaction.simple_query(MOMENT).await {
        Ok(messages) => Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        })),
        Err(error) if error.code().is_some_and(does_not_tell) => Ok(None),
        Err(error) => Err(failure(&error)),
    }
}

fn does_not_tell(code: &SqlState) -> bool {
    *code == SqlState::UNDEFINED_FUNCTION || *code == SqlState::INSUFFICIENT_PRIVILEGE
}
