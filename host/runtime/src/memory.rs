//! The memory of one load: the guest's own, and what the host holds on its behalf.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much memory one load may take, and how much it has taken. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    max: u64,
    taken: AtomicU64,
}

impl Memory {
    pub(crate) fn new(max: u64) -> Self {
        Self(Arc::new(Counter { max, taken: AtomicU64::new(0) }))
    }

    /// The most that may be taken.
    pub(crate) fn max(&self) -> u64 {
        self.0.max
    }

    /// Takes this many bytes more, until the load ends.
    ///
    /// # Errors
    /// The load would have too much then: how much.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), u64> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|&wanted| wanted <= self.0.max);
        let taken = self.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|taken| taken.saturating_add(bytes))
    }

    /// A part that is given back when it is dropped. It is empty at first.
    pub(crate) fn part(&self) -> Part {
        Part { memory: self.clone(), bytes: 0 }
    }
}

/// A part of a load's memory, which is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    memory: Memory,
    bytes: u64,
}

impl Part {
    /// Makes this part as large as what it stands for.
    ///
    /// # Errors
    /// The load would have too much then: how much. The part stays as it is.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<(), u64> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.memory.take(more)?,
            None => self.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// The bytes of this part.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The most that the load may take.
    pub(crate) fn max(&self) -> u64 {
        self.memory.max()
    }

    fn give_back(&self, bytes: u64) {
        self.memory.0.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_held_counts_together() {
        let memory = Memory::new(100);
        memory.take(40).unwrap();
        let (mut window, mut body) = (memory.part(), memory.part());
        window.resize(50).unwrap();
        assert_eq!(body.resize(11), Err(101));
        window.resize(20).unwrap();
        body.resize(40).unwrap();
        assert_eq!(memory.take(1), Err(101));
        drop(body);
        memory.take(40).unwrap();
        assert_eq!(memory.take(u64::MAX), Err(u64::MAX));
    }
}
