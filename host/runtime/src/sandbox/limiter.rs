//! Bounds a guest's memory, and remembers what it refused: a guest out of memory traps like any
//! other, and only this tells why.

use wasmtime::{ResourceLimiter, Result};

/// The most elements of one table, and what each takes of the host's memory.
const TABLE_ELEMENTS: usize = 100_000;
const TABLE_ELEMENT: usize = 8;

/// Bounds all memories and tables of one guest together.
#[derive(Debug)]
pub(super) struct Limiter {
    most: u64,
    used: u64,
    refused: Option<u64>,
}

impl Limiter {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: 0, refused: None }
    }

    /// The bytes the guest asked for in vain, if it did.
    pub(super) fn refused(&self) -> Option<u64> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let wanted = self.used + (desired - current) as u64;
        if wanted > self.most {
            self.refused = Some(wanted);
            return Ok(false);
        }
        self.used = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let wanted = self.used + ((desired - current) * TABLE_ELEMENT) as u64;
        let allowed = desired <= TABLE_ELEMENTS && wanted <= self.most;
        if allowed {
            self.used = wanted;
        }
        Ok(allowed)
    }
}
