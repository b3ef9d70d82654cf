//! Images: frozen bytes that memories start from, and come back to.
//!
//! An image is bytes at an index. A *snapshot* is an image of a whole memory, which knows its size and
//! type. Memories map the bytes copy-on-write; nothing that happens to where they came from reaches
//! them. Images from files and files of images are in `image/files.rs`.

#[cfg_attr(not(feature = "host"), path = "image/no_files.rs")]
mod files;
#[cfg(test)]
#[cfg(all(feature = "host", any(target_os = "linux", target_os = "android")))]
mod tests;

use crate::descriptor::{Descriptor, MemoryType};
use crate::error::{Error, Result};
use crate::memory::{Memory, host_length};
use crate::region;
use crate::region::frozen::{FillError, Frozen, Sink};
use crate::region::slab::{Kind, Ref, Slab, Vacancy};
use crate::region::span::Span;
use crate::units;

/// A frozen run of bytes that a new memory can start from.
#[derive(Debug)]
pub struct Image {
    /// Where in a memory the bytes belong.
    index: u64,
    length: usize,
    /// Bytes before the image on its first host page.
    lead: usize,
    /// `None` where there are no bytes.
    frozen: Option<Ref<Frozen>>,
    /// Of a snapshot: the memory's type, and its size in pages.
    snapshot: Option<(MemoryType, u64)>,
}

static IMAGES: Slab<Image> = Slab::new();

impl Kind for Image {
    const TAG: u32 = u32::from_be_bytes(*b"IMAG");

    fn slab() -> &'static Slab<Self> {
        &IMAGES
    }
}

/// Where in a body an image lies, in whole host pages.
struct Place {
    at: usize,
    length: usize,
    lead: usize,
}

impl Place {
    /// The place of `length` bytes at `index`.
    ///
    /// # Errors
    /// [`Error::ImageDoesNotFit`] where no memory is so large.
    fn of(index: u64, length: usize) -> Result<Self> {
        let page = units::bytes(region::page_size());
        let end = units::sum(&[index, units::bytes(length)]);
        let place = || {
            let lead = index.checked_rem(page)?;
            let at = index.checked_sub(lead)?;
            let end = units::host(units::round_up(end?, page)?)?;
            let at = units::host(at)?;
            Some(Self { at, length: end.checked_sub(at)?, lead: units::host(lead)? })
        };
        place().ok_or(Error::ImageDoesNotFit {
            requested: end.unwrap_or(u64::MAX),
            available: units::bytes(isize::MAX.unsigned_abs()),
        })
    }
}

impl Image {
    /// An image of a copy of `bytes`, at byte `index` of a memory.
    ///
    /// # Errors
    /// [`Error::ImageDoesNotFit`] where no memory is so large, [`Error::OutOfMemory`].
    pub fn new(bytes: &[u8], index: u64) -> Result<Ref<Self>> {
        Self::of_span(&Span::of_frozen(bytes), index)
    }

    pub(crate) fn of_span(bytes: &Span<'_>, index: u64) -> Result<Ref<Self>> {
        let put = |sink: &mut Sink, lead| sink.put(lead, bytes).map_err(FillError::Sink);
        Self::make(index, bytes.length(), None, put)
    }

    /// The whole of an unshared memory, its size included.
    ///
    /// # Errors
    /// [`Error::SharedMemory`], [`Error::OutOfMemory`].
    pub fn snapshot(memory: &Memory) -> Result<Ref<Self>> {
        let memory_type = *memory.memory_type();
        if memory_type.is_shared() {
            return Err(Error::SharedMemory {});
        }
        let state = memory.state();
        state.check_at_rest()?;
        let whole = memory.whole();
        let snapshot = Some((memory_type, memory.size()));
        Self::make(0, whole.length(), snapshot, |sink, _| {
            // Where only some pages were ever used, the others need not be looked at.
            state.body.region().each_used(whole.length(), |from, length| {
                sink.put(from, &whole.part(from, length)).map_err(FillError::Sink)
            })
        })
    }

    fn make(
        index: u64,
        length: usize,
        snapshot: Option<(MemoryType, u64)>,
        fill: impl Fn(&mut Sink, usize) -> core::result::Result<(), FillError>,
    ) -> Result<Ref<Self>> {
        let place = Place::of(index, length)?;
        let vacancy = Vacancy::take()?;
        let frozen = if length == 0 {
            None
        } else {
            Some(Frozen::make(place.at, place.length, |sink| fill(sink, place.lead))?)
        };
        Ok(vacancy.fill(Self { index, length, lead: place.lead, frozen, snapshot }))
    }

    /// The bytes, where there are any.
    pub(crate) const fn frozen(&self) -> Option<&Ref<Frozen>> {
        self.frozen.as_ref()
    }

    /// The type of the memory that this is a snapshot of; `None` for other images.
    #[must_use]
    pub fn descriptor(&self) -> Option<Descriptor> {
        self.snapshot.map(|(memory_type, pages)| memory_type.descriptor(pages))
    }

    /// Refuses a new memory of `pages` pages that cannot start from this image.
    pub(crate) fn check_fits(&self, memory_type: &MemoryType, pages: u64) -> Result<()> {
        let available = memory_type.bytes(pages);
        let end = self.index.saturating_add(units::bytes(self.length));
        let fits = match &self.snapshot {
            None => end <= available,
            Some((of, size)) => is_alike(of, memory_type) && *size == pages,
        };
        if fits { Ok(()) } else { Err(Error::ImageDoesNotFit { requested: end, available }) }
    }
}

/// Do memories of both types have the same indexes and pages?
fn is_alike(one: &MemoryType, other: &MemoryType) -> bool {
    one.address() == other.address() && one.page_size() == other.page_size()
}

impl Memory {
    /// Brings an unshared memory back in place: to the size and bytes of a snapshot, or to the size
    /// that it was made with and the bytes of another image, or zeros. Every buffer of it is detached.
    /// Whatever is refused changes nothing.
    ///
    /// # Errors
    /// [`Error::SharedMemory`]; [`Error::ImageDoesNotFit`] for an image that lies outside, or a
    /// snapshot of another type; when the memory becomes larger, those of [`Memory::grow`].
    pub fn reset(&self, image: Option<&Image>) -> Result<()> {
        if self.memory_type().is_shared() {
            return Err(Error::SharedMemory {});
        }
        self.told(self.try_reset(image))
    }

    fn try_reset(&self, image: Option<&Image>) -> Result<()> {
        let allocator = self.allocator();
        let memory_type = self.memory_type();
        loop {
            // Declared before the lock is taken, so dropped after it.
            let _detached;
            let mut state = self.state();
            state.check_at_rest()?;
            let pages = self.pages_after_reset(image, state.tally.created_bytes)?;
            let (current, bytes) =
                (units::bytes(self.look().byte_length()), memory_type.bytes(pages));
            let mut admitted = None;
            if bytes > current {
                let delta = pages.saturating_sub(self.size());
                memory_type.grown(self.size(), delta, allocator.size_limit())?;
                state.body.region().check_room(bytes)?;
                // The embedder is asked unlocked, and may have changed everything by its answer.
                drop(state);
                admitted = Some(allocator.admit_growth(memory_type, current, bytes)?);
                state = self.state();
                if units::bytes(self.look().byte_length()) != current {
                    continue;
                }
            }
            let length = host_length(bytes)?;
            let frozen = image.and_then(Image::frozen);
            allocator.reset(&mut state.body, bytes, frozen)?;
            match admitted {
                Some(admitted) => admitted.keep(),
                None => allocator.shrunk(current.saturating_sub(bytes)),
            }
            state.tally.peak_bytes = state.tally.peak_bytes.max(bytes);
            self.set_byte_length(length);
            _detached = state.buffers.detach_all();
            return Ok(());
        }
    }

    /// The size in pages that a reset brings back.
    fn pages_after_reset(&self, image: Option<&Image>, created_bytes: u64) -> Result<u64> {
        let memory_type = self.memory_type();
        let created = created_bytes.wrapping_shr(memory_type.page_log2());
        let Some(image) = image else { return Ok(created) };
        let pages = match &image.snapshot {
            Some((of, pages)) if is_alike(of, memory_type) => *pages,
            _ => created,
        };
        image.check_fits(memory_type, pages)?;
        Ok(pages)
    }
}
