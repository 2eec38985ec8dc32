//! From rows to entries: those that a database sends go to the intake of a load without passing through its loader.

use super::session::Query;
use crate::entries::intake::Intake;
use crate::failure::Failure;

impl Query {
    /// Emits the rows that are left, and returns how many. The key of each is the text of these columns.
    ///
    /// # Errors
    /// As [`Query::key`] and [`Query::next_with_keys`]; or an entry is refused.
    pub(crate) async fn emit(
        &mut self,
        key: &[String],
        separator: String,
        intake: &mut Intake,
    ) -> Result<u64, Failure> {
        let key = self.key(key, separator)?;
        let before = intake.entries();
        loop {
            let batch = self.next_with_keys(&key).await?;
            if batch.len() == 0 {
                return Ok(intake.entries() - before);
            }
            for (key, object) in batch.iter() {
                intake.push(key, object)?;
                if intake.is_full() {
                    intake.flush().await?;
                }
            }
            intake.compare()?;
        }
    }
}
