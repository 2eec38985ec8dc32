//! Bounds a guest's memory, and remembers what it refused: a guest out of memory traps like any
//! other, and only this tells why.

use wasmtime::{ResourceLimiter, Result};

use crate::memory::Memory;

/// The most elements of one table, and what each takes of the host's memory.
const TABLE_ELEMENTS: usize = 100_000;
const TABLE_ELEMENT: usize = 8;

/// Bounds all memories and tables of one guest, together with what the host holds for it.
#[derive(Debug)]
pub(super) struct Limiter {
    memory: Memory,
    has_refused: bool,
}

impl Limiter {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, has_refused: false }
    }

    /// Whether the guest asked for memory that it may not have.
    pub(super) fn has_refused(&self) -> bool {
        self.has_refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let is_taken = self.memory.take((desired - current) as u64).is_ok();
        self.has_refused |= !is_taken;
        Ok(is_taken)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS && self.memory.take(((desired - current) * TABLE_ELEMENT) as u64).is_ok())
    }
}
