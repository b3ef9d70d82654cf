//! The contents of a memory: zeros, except where something was written. Sparse, so that a memory
//! of gigabytes costs what was touched.

use std::collections::BTreeMap;

pub const CHUNK: u64 = 4096;
static ZEROS: [u8; CHUNK as usize] = [0; CHUNK as usize];

#[derive(Clone, Debug, Default)]
pub struct Bytes {
    pub length: u64,
    chunks: BTreeMap<u64, Vec<u8>>,
}

impl Bytes {
    pub fn new(length: u64) -> Self {
        Self { length, chunks: BTreeMap::new() }
    }

    /// So many zeros, with these bytes from an index on.
    pub fn with(length: u64, index: u64, bytes: &Self) -> Self {
        let mut made = Self::new(length);
        for (&chunk, kept) in &bytes.chunks {
            let start = chunk * CHUNK;
            let rest = bytes.length.saturating_sub(start).min(CHUNK);
            made.write(index + start, &kept[..rest as usize]);
        }
        made
    }

    /// The pieces of a range that lie in one chunk each: chunk, offset in it, length.
    fn pieces(index: u64, length: u64) -> impl Iterator<Item = (u64, usize, usize)> {
        let (mut at, end) = (index, index + length);
        std::iter::from_fn(move || {
            let rest = end - at;
            let offset = at % CHUNK;
            let piece = (at / CHUNK, offset as usize, rest.min(CHUNK - offset) as usize);
            at += piece.2 as u64;
            (rest > 0).then_some(piece)
        })
    }

    fn chunk(&self, chunk: u64) -> &[u8] {
        self.chunks.get(&chunk).map_or(&ZEROS, Vec::as_slice)
    }

    pub fn read(&self, index: u64, length: u64) -> Vec<u8> {
        let mut read = Vec::new();
        for (chunk, offset, length) in Self::pieces(index, length) {
            read.extend_from_slice(&self.chunk(chunk)[offset..offset + length]);
        }
        read
    }

    pub fn write(&mut self, index: u64, bytes: &[u8]) {
        let mut bytes = bytes;
        for (chunk, offset, length) in Self::pieces(index, bytes.len() as u64) {
            let (now, later) = bytes.split_at(length);
            let kept = self.chunks.entry(chunk).or_insert_with(|| ZEROS.to_vec());
            kept[offset..offset + length].copy_from_slice(now);
            bytes = later;
        }
    }

    pub fn fill(&mut self, index: u64, value: u8, length: u64) {
        for (chunk, offset, length) in Self::pieces(index, length) {
            if value == 0 && length as u64 == CHUNK {
                self.chunks.remove(&chunk);
            } else {
                let kept = self.chunks.entry(chunk).or_insert_with(|| ZEROS.to_vec());
                kept[offset..offset + length].fill(value);
            }
        }
    }

    /// What a comparison up to `end` looks at, with the expected bytes: everything in a small
    /// memory; in a large one what was written, the ends, and a chunk that `sample` chooses.
    pub fn expected(&self, end: u64, sample: u64) -> impl Iterator<Item = (u64, &[u8])> {
        const SMALL: u64 = 128;
        let count = end.div_ceil(CHUNK);
        let mut chosen: Vec<u64> = if count <= SMALL {
            (0..count).collect()
        } else {
            let mixed = sample.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count;
            self.chunks.keys().copied().chain([0, count - 1, mixed]).collect()
        };
        chosen.retain(|&chunk| chunk < count);
        chosen.into_iter().map(move |chunk| {
            let start = chunk * CHUNK;
            (start, &self.chunk(chunk)[..CHUNK.min(end - start) as usize])
        })
    }
}
