//! Segments: what a whole map is cut into while its loader runs.

use std::sync::Arc;

use crate::chunk::ChunkBuilder;
use crate::{Batch, Id, PARTITIONS, Root, partition_of};

/// A partition is cut into segments of about so many bytes: with more, a reader waits for memory; with less, Redis has
/// more to do.
const SEGMENT_BYTES: usize = 256 << 10;

/// Cuts entries into segments: it holds what is not enough for one yet, about 8 MiB in all.
#[derive(Clone)]
pub(crate) struct Packer {
    /// The version that the segments belong to.
    pub(crate) version: Id,
    partitions: Vec<Partition>,
    /// The partition of each segment so far.
    segments: Vec<usize>,
    /// The last segments: kept, because they are sent again if that fails.
    rest: Vec<Segment>,
    entries: u64,
    root: Root,
}

#[derive(Clone)]
struct Partition {
    /// What is not enough for a segment yet.
    held_back: ChunkBuilder,
    /// At how many bytes it is cut.
    full_at: usize,
}

impl Partition {
    /// All partitions grow alike. They are cut one after the other, because the first segment of each has another length:
    /// cut all at once, they would be compressed all at once, while the server waits.
    fn new(number: usize) -> Self {
        Self { held_back: ChunkBuilder::default(), full_at: SEGMENT_BYTES * (number + 1) / PARTITIONS }
    }
}

/// What is to be compressed and written.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) number: usize,
    pub(crate) chunk: Arc<ChunkBuilder>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        let (version, root) = (Id::random(), Root::default());
        Self { version, partitions: Vec::new(), segments: Vec::new(), rest: Vec::new(), entries: 0, root }
    }

    /// Adds entries; gives the segments that are full.
    pub(crate) fn push(&mut self, batch: &Batch) -> Vec<Segment> {
        if self.partitions.is_empty() {
            self.partitions = (0..PARTITIONS).map(Partition::new).collect();
        }
        let mut full = Vec::new();
        for (key, value) in batch.iter() {
            let number = partition_of(key);
            let partition = &mut self.partitions[number];
            partition.held_back.push(key, value);
            self.entries += 1;
            if partition.held_back.bytes() >= partition.full_at {
                full.extend(self.cut(number));
                // As much is to come again, and the last entry may be a little more.
                let room = ChunkBuilder::with_capacity(SEGMENT_BYTES + SEGMENT_BYTES / 32);
                self.partitions[number] = Partition { held_back: room, full_at: SEGMENT_BYTES };
            }
        }
        full
    }

    /// What is left when nothing more comes. It may be asked for again.
    pub(crate) fn rest(&mut self) -> Vec<Segment> {
        for partition in 0..self.partitions.len() {
            let last = self.cut(partition);
            self.rest.extend(last);
        }
        self.rest.clone()
    }

    fn cut(&mut self, partition: usize) -> Option<Segment> {
        let chunk = std::mem::take(&mut self.partitions.get_mut(partition)?.held_back);
        if chunk.is_empty() {
            return None;
        }
        self.root.add_part(chunk.root());
        self.segments.push(partition);
        Some(Segment { number: self.segments.len() - 1, chunk: Arc::new(chunk) })
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// The root of all segments so far.
    pub(crate) fn root(&self) -> Root {
        self.root
    }

    /// The partition of each segment so far.
    pub(crate) fn segments(&self) -> &[usize] {
        &self.segments
    }

    /// Those of the segments so far that a key may be in, and what its partition holds back.
    pub(crate) fn around(&self, key: &str) -> (Vec<usize>, Option<ChunkBuilder>) {
        let partition = partition_of(key);
        let cut = self.segments.iter().enumerate().filter(|&(_, of)| *of == partition).map(|(number, _)| number);
        (cut.collect(), self.partitions.get(partition).map(|partition| partition.held_back.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::unpack;

    #[test]
    fn every_entry_is_in_one_segment_of_its_partition() {
        let value = "x".repeat(1_000);
        let entries: Batch =
            (0..40_000).map(|n| n.to_string()).collect::<Vec<_>>().iter().map(|key| (&**key, &*value)).collect();
        let mut packer = Packer::new();
        let mut segments = packer.push(&entries);
        assert!(segments.len() > PARTITIONS, "{}", segments.len());
        let rest = packer.rest();
        assert_eq!(packer.rest().len(), rest.len());
        segments.extend(rest);
        assert_eq!((packer.segments().len(), packer.entries()), (segments.len(), 40_000));
        assert_eq!(packer.root(), entries.iter().collect());
        let mut all = std::collections::BTreeMap::new();
        for segment in segments {
            let (batch, _) = unpack(&segment.chunk.pack().into()).unwrap();
            for (key, value) in batch.iter() {
                assert_eq!(partition_of(key), packer.segments()[segment.number]);
                assert!(all.insert(key.to_owned(), value.to_owned()).is_none());
            }
        }
        assert_eq!(all.len(), 40_000);
        let (around, held_back) = packer.around("7");
        assert!(!around.is_empty() && held_back.is_some_and(|chunk| chunk.is_empty()));
    }
}
