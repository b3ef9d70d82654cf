//! What a former use left in a region: found, and taken away.
//!
//! Page faults are the cost of a fresh memory, so pages are kept where that is cheaper: the pages
//! that are not as the mapping began are found ([`pagemap`]) and written over in place. Where they
//! are many, or cannot be found, the kernel drops all of them. What it refuses is tried another way;
//! the last way is to write over everything that is open.
//!
//! Nothing here goes by what this library wrote. Whoever was given the base may have written
//! anywhere in the open part, past the length too.
#![allow(unsafe_code, reason = "drops and writes pages of regions")]

use super::frozen::Frozen;
use super::os::{self, Access, Advice, Charge};
use super::os_files;
use super::pagemap::{self, Run, Wanted};
use super::reservation::Reservation;
use super::slab::Ref;
use super::span::Span;
use super::{charging, page_size, refusal};
use crate::error::Result;
use crate::units;
use core::ptr::NonNull;

/// What the last look at a region's pages said of the next cleaning: a look at many pages costs more
/// than to have the kernel drop a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct History {
    /// Dropping would have been the better way.
    drop: bool,
    /// Cleanings since then.
    since: u8,
}

impl History {
    /// So many cleanings go by what is known before somebody looks again.
    const TRUSTED: u8 = 8;
    /// A look at so many pages costs as much as dropping one of the region's own.
    const LOOK: u64 = 512;
    /// A look at so many pages of an image that were read costs as much as dropping one.
    const LOOK_AT_FILE: u64 = 10;

    pub(super) const fn new() -> Self {
        Self { drop: false, since: 0 }
    }

    /// As one number, for the table of a pool.
    pub(super) fn to_bits(self) -> u32 {
        u32::from(self.since) << 1 | u32::from(self.drop)
    }

    pub(super) fn from_bits(bits: u32) -> Self {
        Self { drop: bits & 1 == 1, since: u8::try_from(bits >> 1 & 0xff).unwrap_or(0) }
    }

    /// Is it better to drop all that is open than to look for what was written?
    fn says_drop(&mut self) -> bool {
        let says = self.drop && self.since < Self::TRUSTED;
        if says {
            self.since = self.since.saturating_add(1);
        }
        says
    }

    /// A look at `open` pages found `own` that were written to, and `of_file` that were only read.
    fn found(&mut self, open: u64, own: u64, of_file: u64) {
        // To drop nothing is cheaper than any look.
        let few = own.saturating_mul(Self::LOOK) < open;
        self.drop = few || of_file > own.saturating_mul(Self::LOOK_AT_FILE);
        self.since = 0;
    }
}

impl Reservation {
    /// Bytes that the region may keep in memory while nobody uses it.
    pub(crate) const fn resident(&self) -> usize {
        self.resident
    }

    /// Whoever had the region may have written to it.
    pub(crate) const fn set_written(&mut self) {
        self.written = true;
    }

    /// Is `image` what the region was mapped with, or has it none, as `None` says?
    pub(crate) fn has_image(&self, image: Option<&Ref<Frozen>>) -> bool {
        match (&self.image, image) {
            (None, None) => true,
            (Some(have), Some(want)) => have.is(want),
            _ => false,
        }
    }

    /// Makes every open byte what a new user is to find: the image's, and zero elsewhere. Pages are
    /// kept in memory as long as they are no more than `keep` bytes. False when the host lets none of
    /// the ways be gone that are quick; then [`Reservation::overwrite`] is left.
    pub(crate) fn clean(&mut self, keep: usize) -> bool {
        if self.torn && self.take_image_off().is_err() {
            return false;
        }
        if !self.written || self.open == 0 {
            return true;
        }
        // All of it is in memory: a look would find just that. Or nobody can look.
        let no_look = self.resident == self.open || !pagemap::is_known();
        if self.image.is_none() && no_look && self.open <= keep {
            self.part(0, self.open).fill(0);
            self.resident = self.open;
        } else if self.history.says_drop() && self.drop_pages(0, self.open, Access::ReadWrite) {
            self.resident = 0;
        } else {
            self.resident = match self.write_over_own_pages(keep) {
                Some(kept) => kept,
                None if self.drop_pages(0, self.open, Access::ReadWrite) => 0,
                None => return false,
            };
        }
        self.written = false;
        true
    }

    /// Sets every open byte to zero, whatever that costs, and forgets the image.
    pub(crate) fn overwrite(&mut self) {
        // Where the mapping of the image stays, its pages become the region's own by this. What reads
        // zero is left alone: of a large open part little may ever have been touched.
        let page = page_size();
        for at in (0..self.open).step_by(page) {
            let part = self.part(at, page);
            if !part.is_zero() {
                part.fill(0);
            }
        }
        if self.image.is_some() {
            self.torn = true;
        }
        self.written = true;
    }

    /// The same, and `image` copied over it.
    pub(crate) fn overwrite_with(&mut self, image: Option<&Ref<Frozen>>) {
        self.overwrite();
        if let Some(image) = image {
            image.copy_over(&self.part(image.at(), image.length()));
        }
    }

    /// Has the kernel drop what is in memory. False when it would not.
    pub(crate) fn drop_resident(&mut self) -> bool {
        let dropped = self.open == 0 || self.drop_pages(0, self.open, Access::ReadWrite);
        if dropped {
            self.resident = 0;
        }
        dropped
    }

    /// The open bytes `[from, from + length)`.
    fn part(&self, from: usize, length: usize) -> Span<'_> {
        // SAFETY: the open part can be read and written (invariant 2).
        unsafe { Span::new(self.base.as_ptr(), self.open) }.part(from, length)
    }

    /// Finds the pages that are not as the mapping began and writes over them, as long as they are
    /// no more than `keep` bytes. Answers how many bytes stay in memory; `None` when there are more,
    /// or when they cannot be found.
    fn write_over_own_pages(&mut self, keep: usize) -> Option<usize> {
        const RUNS: usize = 32;
        if keep == 0 || !pagemap::is_known() {
            return None;
        }
        let wanted = if self.image.is_some() { Wanted::OwnAndFile } else { Wanted::Own };
        let page = units::bytes(page_size());
        let most_pages = units::bytes(keep).checked_div(page)?;
        let start = units::bytes(self.base.addr().get());
        let end = start.checked_add(units::bytes(self.open))?;
        let mut runs = [Run::default(); RUNS];
        let (mut from, mut own, mut of_file) = (start, 0_u64, 0_u64);
        while from < end {
            // One more than may be kept is as good as all of them.
            let left = most_pages.checked_sub(own)?.checked_add(1)?;
            let scan = pagemap::scan(from, end, wanted, &mut runs, left).ok()?;
            if scan.end <= from {
                return None;
            }
            let found = runs.get(..scan.runs)?;
            for run in found {
                let pages = run.end.checked_sub(run.start)?.checked_div(page)?;
                let count = if run.is_file() { &mut of_file } else { &mut own };
                *count = count.checked_add(pages)?;
            }
            if own > most_pages {
                self.history = History::new();
                return None;
            }
            for run in found.iter().filter(|run| !run.is_file()) {
                let offset = units::host(run.start.checked_sub(start)?)?;
                let length = units::host(run.end.checked_sub(run.start)?)?;
                self.restore(offset, length);
            }
            from = scan.end;
        }
        self.history.found(units::bytes(self.open).checked_div(page)?, own, of_file);
        // Pages of the image that were only read are dropped with the rest, lest every later look has to
        // pass them.
        if of_file > own.saturating_mul(History::LOOK_AT_FILE) {
            return None;
        }
        units::host(own.checked_mul(page)?)
    }

    /// Hands the parts of the first `length` bytes that may not be zero to `each`: those of the image,
    /// then the pages that are the region's own, which the former may hold as well.
    ///
    /// # Errors
    /// The first of `each`.
    pub(crate) fn each_used<E>(
        &self,
        length: usize,
        mut each: impl FnMut(usize, usize) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        if let Some(image) = &self.image {
            image.each_part(|from, part_length| {
                let from = image.at().saturating_add(from);
                each(from, part_length.min(length.saturating_sub(from)))
            })?;
        }
        self.each_own(length, each)
    }

    /// Hands the pages of the first `length` bytes that are not as the mapping began to `each`, in order.
    fn each_own<E>(
        &self,
        length: usize,
        mut each: impl FnMut(usize, usize) -> core::result::Result<(), E>,
    ) -> core::result::Result<(), E> {
        const RUNS: usize = 32;
        let start = units::bytes(self.base.addr().get());
        let end = start.saturating_add(units::bytes(length.min(self.open)));
        let mut runs = [Run::default(); RUNS];
        let mut from = start;
        while from < end {
            let at = units::low_bits(from.saturating_sub(start));
            let scan = pagemap::scan(from, end, Wanted::Own, &mut runs, 0).ok();
            let Some(scan) = scan.filter(|scan| scan.end > from) else {
                return each(at, length.saturating_sub(at));
            };
            for run in runs.get(..scan.runs).unwrap_or_default() {
                let at = units::low_bits(run.start.saturating_sub(start));
                let until = units::low_bits(run.end.saturating_sub(start)).min(length);
                each(at, until.saturating_sub(at))?;
            }
            from = scan.end;
        }
        Ok(())
    }

    /// Writes what the mapping began with over `[offset, offset + length)`.
    fn restore(&self, offset: usize, length: usize) {
        let Some(image) = &self.image else {
            self.part(offset, length).fill(0);
            return;
        };
        let end = offset.saturating_add(length);
        // Before, in and after the image.
        let from = offset.max(image.at()).min(end);
        let to = end.min(image.end()).max(from);
        self.part(offset, from.wrapping_sub(offset)).fill(0);
        if to > from {
            let inside = from.wrapping_sub(image.at());
            let bytes = image.span().part(inside, to.wrapping_sub(from));
            self.part(from, to.wrapping_sub(from)).copy_from(&bytes);
        }
        self.part(to, end.wrapping_sub(to)).fill(0);
    }

    /// Has the kernel drop the pages of `[from, from + length)`, which is mapped with `access`: then
    /// they are as the mapping began. False when it would not.
    fn drop_pages(&mut self, from: usize, length: usize, access: Access) -> bool {
        let start = self.address(from);
        // SAFETY: the range is part of this region's own mapping, and its contents are given up.
        let advised = unsafe { os::advise(start, length, Advice::DontNeed) }
            // Locked pages are not dropped by the ordinary advice.
            // SAFETY: as above.
            .or_else(|_| unsafe { os::advise(start, length, Advice::DontNeedLocked) })
            .is_ok();
        advised || self.map_afresh(from, length, access)
    }

    /// Replaces `[from, from + length)` by fresh bytes. Where the image was it no longer is.
    fn map_afresh(&mut self, from: usize, length: usize, access: Access) -> bool {
        if self.map_fresh_bytes(from, length, access).is_err() {
            return false;
        }
        if let Some(image) = &self.image {
            let end = from.saturating_add(length);
            if from <= image.at() && end >= image.end() {
                self.image = None;
                self.torn = false;
            } else if from < image.end() && end > image.at() {
                self.torn = true;
            }
        }
        true
    }

    fn map_fresh_bytes(&mut self, from: usize, length: usize, access: Access) -> Result<()> {
        self.resident = 0;
        if length == 0 {
            return Ok(());
        }
        // SAFETY: the range is part of this region's own mapping, and its contents are given up.
        unsafe { os::map_over(self.address(from), length, access, Charge::Never) }
            .map_err(|errno| refusal::of_commit(length, errno, true))
    }

    fn address(&self, from: usize) -> NonNull<u8> {
        // SAFETY: the caller stays within the reservation (invariant 1).
        unsafe { self.base.add(from) }
    }

    /// Replaces the mapping of the image by fresh bytes. Where the host refuses, some of it may be gone.
    fn take_image_off(&mut self) -> Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        let (at, end) = (image.at(), image.end());
        // A part may have been closed since, and stays so.
        let border = end.min(self.open).max(at);
        self.torn = true;
        self.map_fresh_bytes(at, border.wrapping_sub(at), Access::ReadWrite)?;
        self.map_fresh_bytes(border, end.wrapping_sub(border), Access::None)?;
        self.image = None;
        self.torn = false;
        Ok(())
    }

    /// Makes a clean region start from `image`, or from zeros, which must be open. A mapping that is
    /// refused becomes a copy.
    ///
    /// # Errors
    /// [`Error::Commit`](crate::Error::Commit) and [`Error::MapCount`](crate::Error::MapCount) when
    /// the host refuses to take another image away.
    pub(crate) fn put_image_on(&mut self, image: Option<&Ref<Frozen>>) -> Result<()> {
        if !self.torn && self.has_image(image) {
            return Ok(());
        }
        self.take_image_off()?;
        let Some(image) = image else { return Ok(()) };
        let start = self.address(image.at());
        let mapped = image.file().is_some_and(|file| {
            // SAFETY: the place is open, so part of this region's own mapping.
            unsafe { os_files::map_file_over(start, image.length(), file, Charge::Never) }.is_ok()
        });
        if mapped {
            self.image = Some(image.clone());
            self.resident = 0;
        } else {
            image.copy_over(&self.part(image.at(), image.length()));
            self.written = true;
        }
        Ok(())
    }

    /// Closes the body behind `bytes`, rounded up to the host page. What is behind it is given up. A
    /// refusal changes nothing.
    ///
    /// # Errors
    /// [`Error::Commit`](crate::Error::Commit), [`Error::MapCount`](crate::Error::MapCount).
    pub(crate) fn close_to(&mut self, bytes: u64) -> Result<()> {
        let end = self.end_of_open(bytes)?;
        let Some(length) = self.open.checked_sub(end).filter(|length| *length > 0) else {
            return Ok(());
        };
        if charging::closed_is_charged() && self.map_afresh(end, length, Access::None) {
            self.open = end;
            return Ok(());
        }
        // SAFETY: the range is part of this region's own mapping.
        unsafe { os::protect(self.address(end), length, Access::None) }
            .map_err(|errno| refusal::of_commit(length, errno, true))?;
        let was_open = self.open;
        self.open = end;
        self.resident = if self.resident >= was_open { end } else { 0 };
        let image_end = self.image.as_ref().map_or(0, |image| image.end());
        // Dropped pages of the image would be the image's again.
        let cut = image_end > end;
        let from = if cut { image_end.min(was_open) } else { end };
        let rest = was_open.wrapping_sub(from);
        let emptied = (!cut || self.take_image_off().is_ok())
            && (rest == 0 || !self.written || self.drop_pages(from, rest, Access::None));
        self.written |= cut;
        self.stale |= !emptied;
        Ok(())
    }

    /// Sets `[from, from + length)` of the open part to zero and gives the host the pages that lie
    /// wholly inside.
    pub(crate) fn discard(&mut self, from: usize, length: usize) {
        let page = page_size();
        let end = from.saturating_add(length);
        let first = from.next_multiple_of(page).min(end);
        let last = (end & !page.wrapping_sub(1)).max(first);
        self.part(from, first.wrapping_sub(from)).fill(0);
        self.part(last, end.wrapping_sub(last)).fill(0);
        let inner = last.wrapping_sub(first);
        if inner == 0 {
            return;
        }
        let in_image =
            self.image.as_ref().is_some_and(|image| first < image.end() && last > image.at());
        let emptied = if in_image {
            self.map_afresh(first, inner, Access::ReadWrite)
        } else {
            self.drop_pages(first, inner, Access::ReadWrite)
        };
        if !emptied {
            self.part(first, inner).fill(0);
        }
        self.resident = 0;
        self.written = true;
    }

    /// Makes the first `bytes` bytes present and writable, as far as that can be had.
    pub(crate) fn populate(&mut self, bytes: usize) {
        let length = bytes.next_multiple_of(page_size()).min(self.open);
        if length == 0 {
            return;
        }
        // SAFETY: the open part of this region's own mapping; contents stay.
        let populated = unsafe { os::advise(self.base, length, Advice::Populate) }.is_ok();
        if !populated && self.image.is_none() && !self.written {
            // Nobody has written yet.
            self.part(0, length).fill(0);
        }
        if self.image.is_none() && length == self.open {
            self.resident = length;
        }
        // What was made present is found again when it is cleaned.
        self.written = true;
    }

    /// Bytes of the reservation that are in memory; `None` when the kernel does not tell.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        resident_bytes(self.base.addr().get(), self.shape().reservation())
    }

    /// Asks for large pages in the whole reservation, or for none.
    pub(crate) fn advise_huge_pages(&self, wanted: bool) {
        let advice = if wanted { Advice::HugePages } else { Advice::NoHugePages };
        // A host without them says so, and nothing is lost.
        // SAFETY: this region's own mapping; contents stay.
        let _ = unsafe { os::advise(self.base, self.shape().reservation(), advice) };
    }
}

/// Does the kernel tell which pages are in memory?
#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn pages_are_told() -> bool {
    pagemap::is_known()
}

/// Bytes of `[start, start + length)` that are in memory; `None` when the kernel does not tell.
pub(crate) fn resident_bytes(start: usize, length: usize) -> Option<u64> {
    const RUNS: usize = 64;
    let mut runs = [Run::default(); RUNS];
    let mut from = units::bytes(start);
    let end = from.checked_add(units::bytes(length))?;
    let mut resident = 0_u64;
    loop {
        let scan = pagemap::scan(from, end, Wanted::Present, &mut runs, 0).ok()?;
        for run in runs.get(..scan.runs)? {
            resident = resident.checked_add(run.end.checked_sub(run.start)?)?;
        }
        if scan.end >= end || scan.end <= from {
            return Some(resident);
        }
        from = scan.end;
    }
}
