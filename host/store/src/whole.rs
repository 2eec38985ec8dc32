//! All of what is published, on its way to a reader.

use std::fmt;
#[cfg(feature = "redis")]
use std::sync::Arc;

#[cfg(feature = "redis")]
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, Stream};

use crate::{Batch, Error, Head, Result, Root};
#[cfg(feature = "redis")]
use crate::{chunk, merged::Merged};

/// All of what is published, in parts: see [`Reading::whole`](crate::Reading::whole).
///
/// The parts are of one snapshot. A reader proves that it has all of it: the sum of the parts' roots is the head's
/// root, and the sum of their entries is the head's number.
pub struct Whole {
    head: Head,
    parts: BoxStream<'static, Result<Part>>,
}

impl Whole {
    pub(crate) fn new(head: Head, parts: impl Stream<Item = Result<Part>> + Send + 'static) -> Self {
        Self { head, parts: parts.fuse().boxed() }
    }

    /// One whose entries are in memory already.
    pub(crate) fn of(head: Head, entries: Batch) -> Self {
        Self::new(head, futures_util::stream::iter([Ok(Part::of(entries))]))
    }

    /// What describes it.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next part. The store is asked for some more of them meanwhile.
    ///
    /// # Errors
    /// The store cannot be reached; or a part is gone, because the snapshot was replaced a while ago or is damaged.
    /// Then asking for the whole again tells which.
    pub async fn next(&mut self) -> Option<Result<Part>> {
        self.parts.next().await
    }

    /// Whether parts with this root and so many entries are all of it.
    #[must_use]
    pub fn is_proven_by(&self, root: Root, entries: u64) -> bool {
        (root, entries) == (self.head.root, self.head.entries)
    }

    /// The error for parts that are not all of it.
    #[must_use]
    pub fn not_proven(&self) -> Error {
        Error::value(format!(
            "snapshot {} is damaged (its parts do not match its root): refill the cache",
            self.head.id
        ))
    }
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole").field("head", &self.head).finish_non_exhaustive()
    }
}

/// A part of a snapshot, as it came from the store.
pub struct Part {
    content: Content,
    /// The deltas that lead on from what this is a part of: what they change does not belong to the snapshot any more.
    #[cfg(feature = "redis")]
    changes: Option<Arc<Merged>>,
}

enum Content {
    Entries(Batch),
    #[cfg(feature = "redis")]
    Chunk(Bytes),
}

impl Part {
    pub(crate) fn of(entries: Batch) -> Self {
        Self {
            content: Content::Entries(entries),
            #[cfg(feature = "redis")]
            changes: None,
        }
    }

    #[cfg(feature = "redis")]
    pub(crate) fn of_chunk(chunk: Bytes, changes: Option<Arc<Merged>>) -> Self {
        Self { content: Content::Chunk(chunk), changes }
    }

    /// How many bytes came from the store.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.content {
            Content::Entries(entries) => entries.bytes(),
            #[cfg(feature = "redis")]
            Content::Chunk(chunk) => chunk.len(),
        }
    }

    /// Its entries, and their root. It takes the processor about a millisecond: where there are many parts, unpack them
    /// in several threads.
    ///
    /// # Errors
    /// It is damaged; a newer program has written it (`is_newer_format`).
    pub fn unpack(self) -> Result<(Batch, Root)> {
        match self.content {
            Content::Entries(entries) => {
                let root = entries.iter().collect();
                Ok((entries, root))
            }
            #[cfg(feature = "redis")]
            Content::Chunk(ref chunk) if self.changes.is_none() => chunk::unpack(chunk),
            #[cfg(feature = "redis")]
            Content::Chunk(_) => {
                let mut entries = Batch::default();
                let root = self.for_each(|key, value| entries.push(key, value))?;
                Ok((entries, root))
            }
        }
    }

    /// Gives each of its entries without a copy, and returns their root. What was given counts for nothing if this fails.
    ///
    /// # Errors
    /// As [`Part::unpack`].
    pub fn for_each(self, mut each: impl FnMut(&str, &str)) -> Result<Root> {
        match self.content {
            Content::Entries(entries) => {
                let mut root = Root::default();
                for (key, value) in entries.iter() {
                    root.add(key, value);
                    each(key, value);
                }
                Ok(root)
            }
            #[cfg(feature = "redis")]
            Content::Chunk(chunk) => {
                let Some(changes) = self.changes else { return chunk::for_each(&chunk, each) };
                let mut changed = Root::default();
                let mut root = chunk::for_each(&chunk, |key, value| {
                    if changes.contains(key) {
                        changed.add(key, value);
                    } else {
                        each(key, value);
                    }
                })?;
                root.remove_part(changed);
                Ok(root)
            }
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} bytes)", self.bytes())
    }
}
