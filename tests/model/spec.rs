//! The model: memories and their buffers as the specification describes them. What may fail is
//! planned first and done afterwards, because a host may refuse what the specification allows.

use crate::bytes::Bytes;
use crate::fault::Fault;
use crate::rules::{
    self, Allowance, LARGEST_INDEX, Outcome, Room, Type, Wish, range_error, trap, type_error,
};
use crate::setting::SETTINGS;
use wasm_memory::capi::error::*;

pub struct Memory {
    pub kind: Type,
    initial: u64,
    pub pages: u64,
    pub bytes: Bytes,
    pub size_limit: u64,
    pub room: Room,
    /// Is the current buffer resizable?
    pub resizable: bool,
    /// The current buffer, if anybody has asked for it since the last event that replaced it.
    pub current: Option<usize>,
    /// Which allocator it is from.
    pub setting: usize,
    /// Its handle is dead.
    deleted: bool,
    pub tally: Tally,
}

/// What is counted of a memory, or of all of an allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub peak_memories: u64,
    pub peak_bytes: u64,
    pub creations: u64,
    pub growths: u64,
    pub moves: u64,
    pub refusals: u64,
    pub discarded: u64,
    /// Memories that said they had what another one had left.
    pub reuses: u64,
    /// How often the limiter was asked.
    pub asked: u64,
}

/// Frozen bytes; of a snapshot, the memory's type and size.
pub struct Image {
    pub index: u64,
    pub bytes: Bytes,
    pub snapshot: Option<(Type, u64)>,
}

#[derive(Debug)]
pub struct Buffer {
    pub memory: usize,
    /// Its handle is dead.
    released: bool,
    pub shared: bool,
    pub resizable: bool,
    pub detached: bool,
    /// The length at creation, which one of fixed length keeps.
    fixed: u64,
}

#[derive(Default)]
pub struct Model {
    pub memories: Vec<Memory>,
    pub buffers: Vec<Buffer>,
    pub images: Vec<Image>,
    pub tallies: [Tally; SETTINGS.len()],
    pub fault: Option<Fault>,
}

impl Memory {
    pub fn new(kind: Type, initial: u64, setting: usize, room: Room) -> Self {
        let length = rules::bytes(initial, kind.page);
        Self {
            kind,
            initial,
            pages: initial,
            bytes: Bytes::new(length),
            size_limit: SETTINGS[setting].size_limit(),
            room,
            resizable: false,
            current: None,
            setting,
            deleted: false,
            tally: Tally { peak_bytes: length, ..Tally::default() },
        }
    }

    pub fn length(&self) -> u64 {
        self.bytes.length
    }
}

impl Model {
    pub fn wrong(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Import matching.
    pub fn matching(&self, memory: usize, import: &Wish) -> Outcome {
        let it = &self.memories[memory];
        let initial = self.wrong(Fault::ImportsSeeInitial);
        let pages = if initial { it.initial } else { it.pages };
        rules::matching(&it.kind, pages, import, self.fault)
    }

    /// `type()`: the size that it tells.
    pub fn minimum(&self, memory: usize) -> u64 {
        let it = &self.memories[memory];
        if self.wrong(Fault::TypeKeepsInitial) { it.initial } else { it.pages }
    }

    /// `grow(delta)`, planned: the pages that it would reach.
    pub fn growth(&self, memory: usize, delta: u64) -> Outcome<u64> {
        let it = &self.memories[memory];
        let mut room = it.room;
        // Section 4: a memory whose current buffer is resizable does not move. It still grows in
        // place, which is foreseen only where the layout says how far.
        room.movable &= !it.resizable || room.hidden || self.wrong(Fault::ResizableMoves);
        let pages = rules::growth(&it.kind, it.pages, delta, it.size_limit, room, self.fault)?;
        self.admit_growth(it, pages)?;
        Ok(pages)
    }

    fn admit_growth(&self, it: &Memory, pages: u64) -> Outcome {
        let desired = rules::bytes(pages, it.kind.page);
        let Some(more) = desired.checked_sub(it.length()).filter(|&more| more > 0) else {
            return Ok(());
        };
        let (_, used) = self.used(it.setting);
        SETTINGS[it.setting].allowance().admit_growth(used, more, desired)
    }

    /// Memories of an allocator whose bytes are still there, and how many bytes.
    pub fn used(&self, setting: usize) -> (u64, u64) {
        let there = self.memories.iter().enumerate().filter(|&(at, it)| {
            let kept = |buffer: &Buffer| buffer.memory == at && !buffer.released;
            let kept = self.buffers.iter().any(kept) && !self.wrong(Fault::QuotaForgetsBuffers);
            it.setting == setting && (!it.deleted || kept)
        });
        there.fold((0, 0), |(count, bytes), (_, it)| (count + 1, bytes + it.length()))
    }

    /// May an allocator make a memory of so many bytes?
    pub fn admit(&self, setting: usize, bytes: u64) -> Outcome {
        let allowance: Allowance = SETTINGS[setting].allowance();
        allowance.admit(self.used(setting), bytes, self.fault)
    }

    /// Something was made or has grown.
    pub fn raise_peaks(&mut self, setting: usize) {
        let (memories, bytes) = self.used(setting);
        let tally = &mut self.tallies[setting];
        tally.peak_memories = tally.peak_memories.max(memories);
        tally.peak_bytes = tally.peak_bytes.max(bytes);
    }

    /// Is a memory of this type and size one that can start from the image?
    pub fn fits(&self, image: usize, kind: &Type, pages: u64) -> Outcome {
        let it = &self.images[image];
        let available = rules::bytes(pages, kind.page);
        let end = it.index + it.bytes.length;
        let larger = self.wrong(Fault::SnapshotFitsLarger);
        let fits = match it.snapshot {
            None => end <= available,
            Some((of, size)) => alike(&of, kind) && (size == pages || (larger && size < pages)),
        };
        match fits {
            true => Ok(()),
            false => range_error(WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT, end, available),
        }
    }

    /// The bytes of a memory of so many, from an image on.
    fn bytes_from(&self, image: Option<usize>, length: u64) -> Bytes {
        let Some(image) = image.map(|at| &self.images[at]) else { return Bytes::new(length) };
        let mut bytes = Bytes::with(length, image.index, &image.bytes);
        let end = image.index + image.bytes.length;
        if self.wrong(Fault::ImageEndsDirty) && end < length {
            bytes.write(end, &[1]);
        }
        bytes
    }

    /// A new memory was made.
    pub fn created(&mut self, mut memory: Memory, image: Option<usize>) {
        memory.bytes = self.bytes_from(image, memory.length());
        let setting = memory.setting;
        self.memories.push(memory);
        self.tallies[setting].creations += 1;
        self.raise_peaks(setting);
    }

    /// An image of the memory, planned.
    pub fn snapshot(&self, memory: usize) -> Outcome<Image> {
        let it = &self.memories[memory];
        if it.kind.shared {
            return type_error(WASM_MEMORY_REASON_SHARED_MEMORY, 0, 0);
        }
        let snapshot = Some((it.kind, it.pages));
        Ok(Image { index: 0, bytes: it.bytes.clone(), snapshot })
    }

    /// A reset, planned: the pages that it brings back.
    pub fn reset(&self, memory: usize, image: Option<usize>) -> Outcome<u64> {
        let it = &self.memories[memory];
        if it.kind.shared {
            return type_error(WASM_MEMORY_REASON_SHARED_MEMORY, 0, 0);
        }
        let mut pages = it.initial;
        if let Some(at) = image {
            if let Some((_, size)) = self.images[at].snapshot.filter(|(of, _)| alike(of, &it.kind))
            {
                pages = size;
            }
            self.fits(at, &it.kind, pages)?;
        }
        if let Some(delta) = pages.checked_sub(it.pages).filter(|&delta| delta > 0) {
            // The base stays where it is.
            let moves = it.room.movable && self.wrong(Fault::ResetMoves);
            let room = Room { movable: it.room.hidden || moves, ..it.room };
            rules::growth(&it.kind, it.pages, delta, it.size_limit, room, self.fault)?;
            self.admit_growth(it, pages)?;
        }
        Ok(pages)
    }

    pub fn was_reset(&mut self, memory: usize, image: Option<usize>, pages: u64) {
        let it = &self.memories[memory];
        let keeps = self.wrong(Fault::ResetKeepsSize) && it.pages > pages;
        let pages = if keeps { it.pages } else { pages };
        let bytes = self.bytes_from(image, rules::bytes(pages, it.kind.page));
        let setting = it.setting;
        let it = &mut self.memories[memory];
        (it.pages, it.bytes) = (pages, bytes);
        it.tally.peak_bytes = it.tally.peak_bytes.max(it.bytes.length);
        if !self.wrong(Fault::ResetKeepsBuffers) {
            self.memories[memory].resizable = false;
            self.replace(memory);
        }
        self.raise_peaks(setting);
    }

    /// Growth that succeeded: the new size, and "refresh the memory buffer" (A.6).
    pub fn grown(&mut self, memory: usize, pages: u64) {
        let fault = self.fault;
        let it = &mut self.memories[memory];
        let empty = pages == it.pages;
        let before = it.length();
        it.pages = pages;
        it.bytes.length = rules::bytes(pages, it.kind.page);
        let setting = it.setting;
        if !empty {
            it.tally.growths += 1;
            it.tally.peak_bytes = it.tally.peak_bytes.max(it.bytes.length);
            self.tallies[setting].growths += 1;
            self.raise_peaks(setting);
        }
        let it = &mut self.memories[memory];
        if fault == Some(Fault::GrowthNotZero) && !empty {
            it.bytes.write(before, &[1]);
        }
        if it.resizable {
            return;
        }
        let replaced = if it.kind.shared {
            !empty || fault == Some(Fault::EmptySharedGrowthRefreshes)
        } else {
            !empty || fault != Some(Fault::EmptyGrowthKeepsBuffer)
        };
        if replaced {
            self.replace(memory);
        }
    }

    /// The next buffer asked for is a new object; that of an unshared memory is detached.
    fn replace(&mut self, memory: usize) {
        let fault = self.fault;
        if let Some(old) = self.memories[memory].current.take() {
            let old = &mut self.buffers[old];
            old.detached = !old.shared || fault == Some(Fault::SharedGrowthDetaches);
        }
    }

    /// `buffer`.
    pub fn buffer(&mut self, memory: usize) -> usize {
        let it = &mut self.memories[memory];
        let new = self.buffers.len();
        let current = *it.current.get_or_insert(new);
        if current == new {
            let (shared, resizable, fixed) = (it.kind.shared, it.resizable, it.length());
            let (released, detached) = (false, false);
            self.buffers.push(Buffer { memory, released, shared, resizable, detached, fixed });
        }
        current
    }

    /// `toResizableBuffer()` and `toFixedLengthBuffer()` (A.7).
    pub fn convert(&mut self, memory: usize, resizable: bool) -> Outcome<usize> {
        let it = &self.memories[memory];
        if resizable && it.kind.maximum.is_none() {
            return type_error(WASM_MEMORY_REASON_NO_MAXIMUM, 0, 0);
        }
        if it.resizable != resizable || self.wrong(Fault::ConversionAlwaysNew) {
            self.replace(memory);
            self.memories[memory].resizable = resizable;
        }
        Ok(self.buffer(memory))
    }

    fn maximum_bytes(&self, memory: usize) -> u64 {
        let it = &self.memories[memory];
        let maximum = rules::bytes(it.kind.maximum.unwrap_or(0), it.kind.page);
        if self.wrong(Fault::MaximumClamped) { maximum.min(it.size_limit) } else { maximum }
    }

    pub fn buffer_length(&self, buffer: usize) -> u64 {
        let it = &self.buffers[buffer];
        let current = self.memories[it.memory].current == Some(buffer);
        match (it.detached, it.resizable) {
            (true, _) => 0,
            (_, true) if current || !self.wrong(Fault::AbandonedGrowableStops) => {
                self.memories[it.memory].length()
            }
            _ => it.fixed,
        }
    }

    pub fn buffer_maximum(&self, buffer: usize) -> u64 {
        let it = &self.buffers[buffer];
        match (it.detached, it.resizable) {
            (true, _) => 0,
            (_, true) => self.maximum_bytes(it.memory),
            _ => it.fixed,
        }
    }

    pub fn buffer_resizable(&self, buffer: usize) -> bool {
        let it = &self.buffers[buffer];
        it.resizable && !(it.detached && self.wrong(Fault::DetachedForgetsKind))
    }

    fn pages_more(&self, buffer: usize, length: u64) -> Outcome<u64> {
        let it = &self.buffers[buffer];
        let page = self.memories[it.memory].kind.page;
        let current = self.buffer_length(buffer);
        let more = length - current;
        if more % page != 0 {
            // The specification leaves open which number the length "met"; it is the current one.
            return range_error(WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE, length, current);
        }
        Ok(more / page)
    }

    fn not_less(&self, buffer: usize, length: u64) -> Outcome {
        let current = self.buffer_length(buffer);
        let same = length == current && self.wrong(Fault::SameLengthShrinks);
        if length < current || same {
            return range_error(WASM_MEMORY_REASON_WOULD_SHRINK, length, current);
        }
        Ok(())
    }

    fn not_more(&self, length: u64, limit: u64) -> Outcome {
        if length > limit {
            return range_error(WASM_MEMORY_REASON_MAX_BYTE_LENGTH, length, limit);
        }
        Ok(())
    }

    /// `resize(length)` of an unshared buffer, planned, in the order of A.7.
    pub fn resize(&self, buffer: usize, length: u64) -> Outcome<u64> {
        let it = &self.buffers[buffer];
        if it.shared || !it.resizable {
            return type_error(WASM_MEMORY_REASON_BUFFER_KIND, 0, 0);
        }
        let detached =
            if it.detached { type_error(WASM_MEMORY_REASON_DETACHED, 0, 0) } else { Ok(()) };
        if self.wrong(Fault::DetachedCheckedEarly) {
            detached?;
        }
        self.not_more(length, LARGEST_INDEX)?;
        detached?;
        self.not_more(length, self.buffer_maximum(buffer))?;
        self.not_less(buffer, length)?;
        let delta = self.pages_more(buffer, length)?;
        self.growth(it.memory, delta)
    }

    /// `grow(length)` of a shared buffer, planned, in the order of A.7.
    pub fn buffer_grow(&self, buffer: usize, length: u64) -> Outcome<u64> {
        let it = &self.buffers[buffer];
        if !it.shared || !it.resizable {
            return type_error(WASM_MEMORY_REASON_BUFFER_KIND, 0, 0);
        }
        self.not_more(length, LARGEST_INDEX)?;
        self.not_less(buffer, length)?;
        let delta = self.pages_more(buffer, length)?;
        self.not_more(length, self.buffer_maximum(buffer))?;
        self.growth(it.memory, delta)
    }

    /// `transfer()`: A.6, always refused.
    pub fn transfer(&self, buffer: usize) -> Outcome {
        let it = &self.buffers[buffer];
        if it.shared {
            return type_error(WASM_MEMORY_REASON_BUFFER_KIND, 0, 0);
        }
        if it.detached {
            return type_error(WASM_MEMORY_REASON_DETACHED, 0, 0);
        }
        type_error(WASM_MEMORY_REASON_NOT_TRANSFERABLE, 0, 0)
    }

    /// The handle of a memory is gone; its buffers are not.
    pub fn deleted(&mut self, memory: usize) {
        self.memories[memory].deleted = true;
        if self.wrong(Fault::BufferEndsWithMemory) {
            self.replace(memory);
        }
    }

    /// The last reference to a buffer is gone, and its handle with it: section 8 gives its place to
    /// nothing else for a while, so whoever asks again gets another. The kind of the current buffer
    /// stays what it is.
    pub fn released(&mut self, buffer: usize) {
        self.buffers[buffer].released = true;
        let memory = self.buffers[buffer].memory;
        let current = &mut self.memories[memory].current;
        *current = current.filter(|&current| current != buffer);
    }

    pub fn bounds(&self, memory: usize, index: u64, length: u64) -> Outcome {
        rules::bounds(index, length, self.memories[memory].length(), self.fault)
    }

    /// `memory.init`, planned.
    pub fn init(&self, memory: usize, index: u64, segment: u64, from: u64, length: u64) -> Outcome {
        self.bounds(memory, index, length)?;
        rules::bounds(from, length, segment, self.fault)
    }

    /// `memory.copy`, planned.
    pub fn copy(&self, to: (usize, u64), from: (usize, u64), length: u64) -> Outcome {
        let source = self.bounds(from.0, from.1, length);
        if self.wrong(Fault::SourceCheckedFirst) {
            source?;
        }
        self.bounds(to.0, to.1, length)?;
        source
    }

    pub fn copied(&mut self, to: (usize, u64), from: (usize, u64), length: u64) {
        let mut bytes = self.memories[from.0].bytes.read(from.1, length);
        let overlaps = to.0 == from.0 && to.1 > from.1 && to.1 - from.1 < length;
        if overlaps && self.wrong(Fault::CopiesForward) {
            let period = (to.1 - from.1) as usize;
            for at in period..bytes.len() {
                bytes[at] = bytes[at - period];
            }
        }
        self.memories[to.0].bytes.write(to.1, &bytes);
    }

    /// A.14 in its strict form, planned: alignment before bounds.
    pub fn discard(&self, memory: usize, index: u64, length: u64) -> Outcome {
        let page = self.memories[memory].kind.page;
        if self.wrong(Fault::DiscardBoundsFirst) {
            self.bounds(memory, index, length)?;
        }
        rules::aligned(index, page)?;
        rules::aligned(length, page)?;
        self.bounds(memory, index, length)
    }

    /// A wait that has no time to wait: whether the value there is the expected one.
    pub fn wait(&self, memory: usize, index: u64, width: u64, equal: bool) -> Outcome<u32> {
        let it = &self.memories[memory];
        let unshared =
            if it.kind.shared { Ok(()) } else { trap(WASM_MEMORY_REASON_WAIT_UNSHARED, 0, 0) };
        if self.wrong(Fault::WaitSharingFirst) {
            unshared?;
        }
        rules::aligned(index, width)?;
        unshared?;
        self.bounds(memory, index, width)?;
        Ok(if equal && !self.wrong(Fault::TimeoutNotEqual) { 2 } else { 1 })
    }

    /// A notify where nobody waits.
    pub fn notify(&self, memory: usize, index: u64) -> Outcome<u32> {
        rules::aligned(index, 4)?;
        let unchecked = self.wrong(Fault::NotifyUnsharedUnchecked);
        if self.memories[memory].kind.shared || !unchecked {
            self.bounds(memory, index, 4)?;
        }
        Ok(0)
    }
}

/// Have memories of both types the same indexes and pages?
pub fn alike(one: &Type, other: &Type) -> bool {
    (one.wide, one.page) == (other.wide, other.page)
}
