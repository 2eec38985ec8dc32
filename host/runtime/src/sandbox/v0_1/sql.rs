//! `sql`: databases by the names that the operator gave them.

use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::bindings::kiwi::loader::entries::LoadError;
use super::bindings::kiwi::loader::sql as wit;
use super::errors::load_error;
use crate::failure::{Failure, FailureKind};
use crate::outside::sql::{Param, SqlLimits};
use crate::printable;
use crate::sandbox::sql::{Connection, Rows};
use crate::sandbox::state::State;

type Answer<T> = std::result::Result<T, LoadError>;

impl State {
    async fn connect(&mut self, name: &str) -> std::result::Result<Resource<Connection>, Failure> {
        let Some(connection) = self.connections.iter().find(|connection| connection.name == name) else {
            let shown = printable::quoted(name);
            let name = printable::message(name);
            let message = format!(
                "no grant for the database {shown}: if the plugin may read it, add `connections = [\"{name}\"]` to this \
                 cache's grants"
            );
            return Err(Failure::new(FailureKind::Denied, message));
        };
        let limits = SqlLimits::of(&self.limits);
        let session = self.databases.open(connection, limits, self.allowance.progress(), &self.secrets).await?;
        self.hold(Connection(session))
    }

    fn hold<T: Send + 'static>(&mut self, held: T) -> std::result::Result<Resource<T>, Failure> {
        self.table.push(held).map_err(|error| {
            let message = format!("the plugin holds too much: {error}; it must drop connections and results");
            Failure::new(FailureKind::Contract, message)
        })
    }
}

impl wit::Host for State {
    async fn open(&mut self, name: String) -> Result<Answer<Resource<Connection>>> {
        let opened = self.connect(&name).await;
        Ok(self.answered(opened))
    }
}

impl wit::HostConnection for State {
    async fn dialect(&mut self, connection: Resource<Connection>) -> Result<String> {
        Ok(self.table.get(&connection)?.0.dialect().to_owned())
    }

    async fn quote(&mut self, connection: Resource<Connection>, identifier: String) -> Result<String> {
        Ok(self.table.get(&connection)?.0.quote(&identifier))
    }

    async fn moment(&mut self, connection: Resource<Connection>) -> Result<Answer<Option<String>>> {
        let moment = self.table.get(&connection)?.0.moment().await;
        Ok(self.answered(moment))
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        params: Vec<wit::Param>,
    ) -> Result<Answer<Resource<Rows>>> {
        let params = params.into_iter().map(param).collect();
        let queried = self.table.get(&connection)?.0.query(statement, params).await;
        let rows = queried.and_then(|query| self.hold(Rows(query)));
        Ok(self.answered(rows))
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl wit::HostRows for State {
    async fn columns(&mut self, rows: Resource<Rows>) -> Result<Vec<wit::Column>> {
        let columns = self.table.get(&rows)?.0.columns().iter();
        Ok(columns
            .map(|column| wit::Column { name: column.name.clone(), type_name: column.type_name.clone() })
            .collect())
    }

    async fn datetime_separator(&mut self, rows: Resource<Rows>, separator: char) -> Result<()> {
        self.table.get_mut(&rows)?.0.set_separator(separator);
        Ok(())
    }

    async fn next(&mut self, rows: Resource<Rows>, max: u32) -> Result<Answer<Vec<String>>> {
        let batch = self.table.get_mut(&rows)?.0.next(max).await;
        let objects = batch.map(|batch| batch.iter().map(|(_, object)| object.to_owned()).collect());
        Ok(self.answered(objects))
    }

    async fn emit(&mut self, rows: Resource<Rows>, key: Vec<String>, separator: String) -> Result<Answer<u64>> {
        if self.refusals.first().is_some() {
            bail!("the load had already failed, and its loader went on emitting");
        }
        let Some(mut intake) = self.intake.take() else {
            let failure = Failure::new(FailureKind::Denied, "`describe` may not emit entries");
            return Ok(Err(load_error(self.refuse(failure))));
        };
        let emitted = self.table.get_mut(&rows)?.0.emit(&key, separator, &mut intake).await;
        self.intake = Some(intake);
        // Any failure stands: some of the rows may have been emitted, and the loader cannot know which.
        Ok(emitted.map_err(|failure| load_error(self.refuse(failure))))
    }

    async fn drop(&mut self, rows: Resource<Rows>) -> Result<()> {
        self.table.delete(rows)?;
        Ok(())
    }
}

fn param(param: wit::Param) -> Param {
    match param {
        wit::Param::Null => Param::Null,
        wit::Param::Boolean(value) => Param::Boolean(value),
        wit::Param::Integer(value) => Param::Integer(value),
        wit::Param::Float(value) => Param::Float(value),
        wit::Param::Text(value) => Param::Text(value),
        wit::Param::Bytes(value) => Param::Bytes(value),
    }
}
