//! Takes entries from a loader of either kind: checks each, counts them, and sends them on in batches.

use std::sync::{Arc, Mutex, PoisonError};

use kiwi_store::{Batch, Root};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::check;
use super::fingerprints::{Fingerprint, Fingerprints, Hash, Seen};
use super::progress::{Progress, Waiting};
use crate::config::limits::Limits;
use crate::failure::{Failure, FailureKind};
use crate::printable;

/// A batch is sent on when it has this many entries or bytes: few enough that no command blocks
/// Redis for long, many enough that round trips do not count.
const BATCH_ENTRIES: usize = 500;
const BATCH_BYTES: usize = 256 << 10;
/// Batches on their way at a time: the loader, the checks and the store work at once, and the
/// loader waits when the store is slower.
const BATCHES_IN_FLIGHT: usize = 4;

/// What an [`Intake`] sends to whoever delivers the entries.
pub(crate) enum Message {
    /// Entries that passed all checks, and which of them are new or have another value than before.
    Entries { batch: Batch, changed: Vec<usize> },
    /// Asks whether a key was among the entries sent before.
    IsKnown(String, oneshot::Sender<bool>),
}

/// Takes the entries of one load: checks each, counts, and sends them on in batches.
pub(crate) struct Intake {
    limits: Limits,
    messages: mpsc::Sender<Message>,
    batch: Batch,
    entries: u64,
    bytes: u64,
    root: Root,
    /// What the map was before, and what this load has given of it so far.
    fingerprints: Arc<Mutex<Fingerprints>>,
    hash: Hash,
    /// The fingerprints of the last entries in the batch: those not compared yet.
    pending: Vec<Fingerprint>,
    /// Of those compared last, the places of what was not there like this. Kept for its memory.
    different: Vec<(usize, Seen)>,
    /// The places in the batch of what has changed.
    changed: Vec<usize>,
    /// Keys of this batch whose hash was seen before: duplicates, or accidents of hashing.
    possible_duplicates: Vec<String>,
    progress: Arc<Progress>,
}

/// The sum of all entries of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) root: Root,
}

impl Intake {
    /// An intake, and where its messages arrive.
    pub(crate) fn new(
        limits: Limits,
        progress: Arc<Progress>,
        fingerprints: Arc<Mutex<Fingerprints>>,
    ) -> (Self, mpsc::Receiver<Message>) {
        let (messages, arriving) = mpsc::channel(BATCHES_IN_FLIGHT);
        let hash = fingerprints.lock().unwrap_or_else(PoisonError::into_inner).hash();
        let intake = Self {
            limits,
            messages,
            batch: Batch::default(),
            entries: 0,
            bytes: 0,
            root: Root::default(),
            fingerprints,
            hash,
            pending: Vec::new(),
            different: Vec::new(),
            changed: Vec::new(),
            possible_duplicates: Vec::new(),
            progress,
        };
        (intake, arriving)
    }

    /// Adds an entry. What its value is, is checked when it is compared, and not at all if that was
    /// published before. Does no I/O: when `is_full` says so, `flush` must follow.
    ///
    /// # Errors
    /// The entry is beyond a limit, or with it the whole map.
    pub(crate) fn push(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        self.entries += 1;
        self.bytes += (key.len() + value.len()) as u64;
        self.check_sizes(key, value).map_err(|failure| failure.at_entry(self.entries))?;
        self.pending.push(self.hash.of(key, value));
        self.root.add(key, value);
        self.batch.push(key, value);
        Ok(())
    }

    fn check_sizes(&self, key: &str, value: &str) -> Result<(), Failure> {
        check::check_size(key, value, &self.limits)?;
        if self.entries > self.limits.entries {
            return Err(Failure::limit(
                "entries",
                format!("the map has more than the {} entries allowed", self.limits.entries),
            ));
        }
        if self.bytes > self.limits.total_bytes {
            let message = format!("the map has more than the {} allowed", printable::bytes(self.limits.total_bytes));
            return Err(Failure::limit("total_bytes", message));
        }
        Ok(())
    }

    /// As `push`, then `compare` at once, and `flush` when it is time.
    ///
    /// # Errors
    /// As any of them.
    pub(crate) async fn take(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        self.push(key, value)?;
        self.compare()?;
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// As `push` for many, which are compared together, and then sent on.
    ///
    /// # Errors
    /// As any of them.
    pub(crate) async fn take_all(&mut self, entries: &Batch) -> Result<(), Failure> {
        for (key, value) in entries.iter() {
            self.push(key, value)?;
            if self.is_full() {
                self.flush().await?;
            }
        }
        self.flush().await
    }

    /// Whether it is time to `flush`.
    pub(crate) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_ENTRIES || self.batch.bytes() >= BATCH_BYTES
    }

    /// Sends on what was pushed, and waits while the receiver is behind.
    ///
    /// # Errors
    /// A key came twice; or the receiver is gone.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        self.compare()?;
        for key in std::mem::take(&mut self.possible_duplicates) {
            self.confirm_new(key).await?;
        }
        if !self.batch.is_empty() {
            let next = Batch::with_capacity(self.batch.len(), self.batch.bytes());
            let (batch, changed) = (std::mem::replace(&mut self.batch, next), std::mem::take(&mut self.changed));
            self.progress.add(batch.len(), batch.bytes());
            self.send(Message::Entries { batch, changed }).await?;
        }
        Ok(())
    }

    /// Compares what was pushed with the map before it, and checks the values that are new.
    ///
    /// # Errors
    /// A value cannot be published.
    pub(crate) fn compare(&mut self) -> Result<(), Failure> {
        let first = self.batch.len() - self.pending.len();
        self.different.clear();
        {
            let mut fingerprints = self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = (first..).zip(fingerprints.give_all(self.pending.drain(..)));
            self.different.extend(seen.filter(|(_, seen)| *seen != Seen::Same));
        }
        let mut entries = self.batch.iter_from(first);
        let mut next = first;
        for &(place, seen) in &self.different {
            let Some((key, value)) = entries.nth(place - next) else { break };
            next = place + 1;
            match seen {
                Seen::Again => self.possible_duplicates.push(key.to_owned()),
                Seen::Changed | Seen::Same => self.changed.push(place),
            }
            check::check_value(key, value, &self.limits).map_err(|failure| failure.at_entry(self.number(place)))?;
        }
        Ok(())
    }

    /// The number of the entry at a place of the batch.
    fn number(&self, place: usize) -> u64 {
        self.entries - (self.batch.len() - place) as u64 + 1
    }

    /// A repeated hash is not proof: two keys may share one. Only the keys themselves are.
    async fn confirm_new(&mut self, key: String) -> Result<(), Failure> {
        let times = self.batch.iter().filter(|&(other, _)| other == key).count();
        let repeated = times > 1 || {
            let (answer, answered) = oneshot::channel();
            self.send(Message::IsKnown(key.clone(), answer)).await?;
            self.progress.waiting_for(Waiting::Store, answered).await.map_err(|_| receiver_gone())?
        };
        if repeated {
            let message = format!(
                "the key {} came twice: expected each key once; merge or drop one of them in the loader",
                printable::quoted(&key)
            );
            let failure = Failure::new(FailureKind::InvalidEntry, message);
            let last = self.batch.iter().enumerate().filter(|(_, (other, _))| *other == key).last();
            return Err(match last {
                Some((place, _)) => failure.at_entry(self.number(place)),
                None => failure,
            });
        }
        self.fingerprints.lock().unwrap_or_else(PoisonError::into_inner).note_collision();
        Ok(())
    }

    async fn send(&self, message: Message) -> Result<(), Failure> {
        let sent = match self.messages.try_send(message) {
            Err(TrySendError::Full(message)) => {
                let sending = self.messages.send(message);
                self.progress.waiting_for(Waiting::Store, sending).await.is_ok()
            }
            sent => sent.is_ok(),
        };
        if sent { Ok(()) } else { Err(receiver_gone()) }
    }

    /// How far the load has come, and what it waits for.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// How many entries were pushed so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Sends on the rest, and returns the sum of all entries.
    ///
    /// # Errors
    /// As `flush`.
    pub(crate) async fn finish(mut self) -> Result<Totals, Failure> {
        self.flush().await?;
        Ok(Totals { entries: self.entries, bytes: self.bytes, root: self.root })
    }
}

/// The receiver stops only when it has failed, and then its own failure is the load's.
fn receiver_gone() -> Failure {
    Failure::new(FailureKind::Store, "the load was cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes entries as a loader would, and takes them as the store would.
    async fn run(entries: &[(&str, &str)], limits: Limits) -> Result<(Totals, Vec<(String, String)>), Failure> {
        let (mut intake, mut arriving) = Intake::new(limits, Arc::default(), Arc::default());
        let taker = async {
            let mut taken: Vec<(String, String)> = Vec::new();
            while let Some(message) = arriving.recv().await {
                match message {
                    Message::Entries { batch, .. } => {
                        taken.extend(batch.iter().map(|(k, v)| (k.to_owned(), v.to_owned())))
                    }
                    Message::IsKnown(key, answer) => {
                        let _ = answer.send(taken.iter().any(|(other, _)| *other == key));
                    }
                }
            }
            taken
        };
        let loader = async {
            for (key, value) in entries {
                intake.take(key, value).await?;
            }
            intake.finish().await
        };
        let (totals, taken) = tokio::join!(loader, taker);
        Ok((totals?, taken))
    }

    fn numbered(count: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (format!("key-{n}"), n.to_string())).collect()
    }

    fn borrowed(entries: &[(String, String)]) -> Vec<(&str, &str)> {
        entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[tokio::test]
    async fn all_entries_arrive_in_order_and_are_summed_up() {
        let entries = numbered(1234);
        let (totals, taken) = run(&borrowed(&entries), Limits::default()).await.unwrap();
        assert_eq!(taken, entries);
        assert_eq!(totals.entries, 1234);
        assert_eq!(totals.bytes, entries.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() as u64);
        assert_eq!(totals.root, borrowed(&entries).into_iter().collect());
    }

    #[tokio::test]
    async fn a_repeated_key_is_named_within_a_batch_and_across_batches() {
        for distance in [1, 700] {
            let mut entries = numbered(distance);
            entries.push(("key-0".into(), "true".into()));
            let failure = run(&borrowed(&entries), Limits::default()).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::InvalidEntry);
            assert!(failure.message.contains("`key-0` came twice"), "{failure}");
        }
    }

    #[tokio::test]
    async fn the_whole_map_has_limits() {
        let entries = numbered(11);
        for (limits, name) in [
            (Limits { entries: 10, ..Limits::default() }, "limits.entries"),
            (Limits { total_bytes: 10, ..Limits::default() }, "limits.total_bytes"),
        ] {
            let failure = run(&borrowed(&entries), limits).await.unwrap_err();
            assert!(failure.kind == FailureKind::Limit && failure.message.contains(name), "{failure}");
        }
    }
}
