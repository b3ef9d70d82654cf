//! Bytes that nobody changes any more, to be mapped copy-on-write at a place in a body.
//!
//! They are in a sealed file in memory, which any number of regions map. Where the host denies that
//! they are in memory of our own, and are copied.

use super::os::{Errno, code};
use super::os_files::{self, File, Identity};
use super::page_size;
use super::slab::{Kind, Ref, Slab, Vacancy};
use super::span::Span;
use crate::error::{Error, Result};
use crate::units;
use core::convert::Infallible;
use memmap2::{Mmap, MmapMut};

/// Frozen bytes and where in a body they belong. All sizes are multiples of the host page; what the
/// image does not fill of its first and last page is zero.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// Distance from the base.
    at: usize,
    bytes: Mmap,
    file: Option<(File, Identity)>,
}

static FROZEN: Slab<Frozen> = Slab::new();

impl Kind for Frozen {
    const TAG: u32 = u32::from_be_bytes(*b"FRZN");

    fn slab() -> &'static Slab<Self> {
        &FROZEN
    }
}

/// Where the bytes go before they are frozen.
pub(crate) enum Sink {
    File(File),
    Own(MmapMut),
}

impl Sink {
    /// Writes `bytes` at `offset`; pages that are zero take no memory in a file.
    ///
    /// # Errors
    /// What the host answered.
    pub(crate) fn put(
        &mut self,
        offset: usize,
        bytes: &Span<'_>,
    ) -> core::result::Result<(), Errno> {
        match self {
            Self::File(file) => {
                // Runs of pages that are not all zero, pages counted in the file.
                let page = page_size();
                let mut at = 0;
                while at < bytes.length() {
                    let run = run_length(bytes, at, offset, page);
                    if run > 0 {
                        let part = bytes.part(at, run);
                        os_files::write_at(file, part.address(), run, offset.saturating_add(at))?;
                        at = at.saturating_add(run);
                    } else {
                        at = at.saturating_add(to_page_end(offset.saturating_add(at), page));
                    }
                }
                Ok(())
            }
            Self::Own(memory) => {
                let end = offset.saturating_add(bytes.length());
                let target = memory.get_mut(offset..end).ok_or(code::INVALID)?;
                Span::of(target).copy_from(bytes);
                Ok(())
            }
        }
    }
}

/// Bytes from `at` on up to the first page that is zero.
fn run_length(bytes: &Span<'_>, at: usize, offset: usize, page: usize) -> usize {
    /// No longer than this at once.
    const MOST: usize = 1 << 20;
    let mut run = 0_usize;
    while run < MOST {
        let from = at.saturating_add(run);
        let part = bytes.part(from, to_page_end(offset.saturating_add(from), page));
        if part.length() == 0 || part.is_zero() {
            break;
        }
        run = run.saturating_add(part.length());
    }
    run
}

/// Bytes from `offset` to the end of its page.
const fn to_page_end(offset: usize, page: usize) -> usize {
    page.wrapping_sub(offset & page.wrapping_sub(1))
}

impl Frozen {
    /// Freezes `length` bytes that `fill` gives, zero where it gives none. It may be asked twice.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and those of `fill`.
    pub(crate) fn make(
        at: usize,
        length: usize,
        fill: impl Fn(&mut Sink) -> core::result::Result<(), FillError>,
    ) -> Result<Ref<Self>> {
        let vacancy = Vacancy::take()?;
        let (bytes, file) = match in_file(length, &fill) {
            Ok((bytes, file)) => (bytes, Some(file)),
            Err(FillError::Source(error)) => return Err(error),
            Err(FillError::Sink(_)) => {
                let own = in_own_memory(length, &fill);
                (own.map_err(|error| error.told(length))?, None)
            }
        };
        Ok(vacancy.fill(Self { at, bytes, file }))
    }

    /// Distance from the base at which the bytes belong.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes, in whole host pages.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Distance from the base at which the bytes end.
    pub(crate) fn end(&self) -> usize {
        self.at.saturating_add(self.length())
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, as something that is copied from.
    pub(crate) fn span(&self) -> Span<'_> {
        Span::of_frozen(&self.bytes)
    }

    /// Hands the parts that may not be zero to `each`, in order: where each begins, and its length. The
    /// pages between them are in no memory, and would be from the first time that they are read.
    ///
    /// # Errors
    /// The first of `each`.
    pub(crate) fn each_part<E>(
        &self,
        mut each: impl FnMut(usize, usize) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        let file = self.file();
        let mut from = 0;
        while from < self.length() {
            let part = file.map(|file| os_files::part_in_memory(file, from));
            let (start, end) = match part {
                Some(Ok(Some((start, end)))) if end > from => (start, end),
                Some(Ok(None)) => break,
                // What is not known may be anything.
                _ => (from, self.length()),
            };
            each(start, end.saturating_sub(start))?;
            from = end;
        }
        Ok(())
    }

    /// Copies as much as `zeros` holds, where all is zero, over that.
    pub(crate) fn copy_over(&self, zeros: &Span<'_>) {
        let all = self.span();
        let Ok(()) = self.each_part(|from, length| {
            zeros.part(from, length).copy_from(&all.part(from, length));
            Ok::<(), Infallible>(())
        });
    }

    /// The file to map, unless there is none or somebody closed it behind our back.
    pub(crate) fn file(&self) -> Option<&File> {
        let (file, identity) = self.file.as_ref()?;
        let status = os_files::status(file).ok()?;
        (status.identity == *identity).then_some(file)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if self.file().is_none() {
            // The number may be another file's, which is not ours to close.
            core::mem::forget(self.file.take());
        }
    }
}

/// Why bytes could not be frozen.
pub(crate) enum FillError {
    /// What they were to be read from cannot be read.
    Source(Error),
    /// The place that they were to be in was refused.
    Sink(Errno),
}

impl FillError {
    fn told(self, length: usize) -> Error {
        match self {
            Self::Source(error) => error,
            Self::Sink(os_error) => {
                Error::OutOfMemory { requested: units::bytes(length), available: 0, os_error }
            }
        }
    }
}

type Filled<T> = core::result::Result<T, FillError>;

fn in_file(
    length: usize,
    fill: &impl Fn(&mut Sink) -> Filled<()>,
) -> Filled<(Mmap, (File, Identity))> {
    let file = os_files::memory_file().map_err(FillError::Sink)?;
    os_files::set_length(&file, length).map_err(FillError::Sink)?;
    let mut sink = Sink::File(file);
    fill(&mut sink)?;
    let Sink::File(file) = sink else { return Err(FillError::Sink(code::INVALID)) };
    os_files::seal(&file).map_err(FillError::Sink)?;
    let status = os_files::status(&file).map_err(FillError::Sink)?;
    let bytes = os_files::map_file(&file, length).map_err(FillError::Sink)?;
    Ok((bytes, (file, status.identity)))
}

fn in_own_memory(length: usize, fill: &impl Fn(&mut Sink) -> Filled<()>) -> Filled<Mmap> {
    let mut sink = Sink::Own(os_files::map_scratch(length).map_err(FillError::Sink)?);
    fill(&mut sink)?;
    let Sink::Own(memory) = sink else { return Err(FillError::Sink(code::INVALID)) };
    os_files::freeze(memory).map_err(FillError::Sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{self, Fault};
    use crate::region::os::Call;

    fn frozen(text: &[u8]) -> Ref<Frozen> {
        let page = page_size();
        Frozen::make(page, 3 * page, |sink| {
            let mut bytes = text.to_vec();
            sink.put(page + 7, &Span::of(&mut bytes)).map_err(FillError::Sink)
        })
        .unwrap()
    }

    #[test]
    fn bytes_are_where_they_were_put_and_zero_elsewhere() {
        let page = page_size();
        for call in [
            None,
            Some(Call::MemoryFile),
            Some(Call::Truncate),
            Some(Call::Write),
            Some(Call::Seal),
        ] {
            let fault =
                Fault { call, forever: true, ..Fault::nth(if call.is_some() { 1 } else { 1000 }) };
            let frozen = faults::with(fault, || frozen(b"frozen"));
            assert_eq!(frozen.file().is_some(), call.is_none() && os_files::HAS_MEMORY_FILES);
            assert_eq!((frozen.at(), frozen.length(), frozen.end()), (page, 3 * page, 4 * page));
            assert_eq!(&frozen.bytes()[page + 7..page + 13], b"frozen");
            let rest = frozen.bytes().iter().filter(|byte| **byte != 0).count();
            assert_eq!(rest, 6);
        }
    }

    #[test]
    fn every_refusal_is_an_error_or_a_copy() {
        for nth in 1.. {
            let mut refused = 0;
            let fault = Fault { forever: true, ..Fault::nth(nth) };
            let outcome = faults::with(fault, || {
                let outcome = Frozen::make(0, page_size(), |_| Ok(()));
                refused = faults::refused();
                outcome.map(|frozen| frozen.bytes().iter().all(|byte| *byte == 0))
            });
            match outcome {
                Ok(zero) => assert!(zero),
                Err(error) => assert_eq!(error.reason(), 32),
            }
            if refused == 0 {
                break;
            }
        }
    }
}
