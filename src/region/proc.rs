//! What the kernel tells of this process and of itself in `/proc`. Every answer may be missing: then
//! whoever asked does without. Nothing is allocated.

use super::os::{self, Mapping};
use super::page_size;
use crate::units;
use core::ffi::CStr;

/// What this process uses, in bytes.
pub(super) struct Usage {
    /// Address space.
    pub(super) total: u64,
    /// Private writable memory, touched or not.
    pub(super) data: u64,
}

pub(super) fn usage() -> Option<Usage> {
    let mut usage = None;
    each_line(c"/proc/self/statm", |line| {
        let page = units::bytes(page_size());
        let field = |index: usize| {
            let text = line.split(|byte| *byte == b' ').nth(index)?;
            first_number(text)?.checked_mul(page)
        };
        usage = field(0).zip(field(5)).map(|(total, data)| Usage { total, data });
    })?;
    usage
}

/// How many mappings this process has, as the kernel counts them against its limit.
pub(super) fn count_mappings() -> Option<u64> {
    let mut count = 0_u64;
    each_line(c"/proc/self/maps", |line| {
        // The page of the kernel's own that is shown with 16 digits is no mapping of the process.
        let digits = line.iter().take_while(|byte| **byte != b'-').count();
        if digits < 16 {
            count = count.saturating_add(1);
        }
    })?;
    Some(count)
}

/// `vm.max_map_count`
pub(super) fn most_mappings() -> Option<u64> {
    read_number(c"/proc/sys/vm/max_map_count")
}

fn read_number(path: &CStr) -> Option<u64> {
    let mut number = None;
    each_line(path, |line| number = number.or_else(|| first_number(line)))?;
    number
}

fn first_number(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(u8::is_ascii_digit)?;
    let digits = text.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits.into_iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

/// Hands the beginning of each line of a file to `each`. `None` when the file cannot be read.
fn each_line(path: &CStr, mut each: impl FnMut(&[u8])) -> Option<()> {
    // Every figure that is looked for stands in the first bytes of its line. Small buffers: this
    // runs on whatever stack the caller has.
    let mut start = [0_u8; 80];
    let mut kept = 0_usize;
    let mut buffer = [0_u8; 1024];
    let whole = os::read_file(path, &mut buffer, |piece| {
        for byte in piece {
            if *byte == b'\n' {
                each(start.get(..kept).unwrap_or_default());
                kept = 0;
            } else if let Some(place) = start.get_mut(kept) {
                *place = *byte;
                kept = kept.saturating_add(1);
            }
        }
    });
    whole.then_some(())
}

/// Does the host hold to a limit of what all processes may commit?
pub(super) fn overcommit_is_off() -> Option<bool> {
    const OFF: u64 = 2;
    read_number(c"/proc/sys/vm/overcommit_memory").map(|mode| mode == OFF)
}

/// Does the host overcommit by rule of thumb, and not without limit?
pub(super) fn overcommit_by_rule_of_thumb() -> Option<bool> {
    read_number(c"/proc/sys/vm/overcommit_memory").map(|mode| mode == 0)
}

/// All memory and swap of the host, in bytes.
pub(super) fn memory_and_swap() -> Option<u64> {
    let mut total = None;
    each_line(c"/proc/meminfo", |line| {
        for name in [&b"MemTotal:"[..], b"SwapTotal:"] {
            if let Some(rest) = line.strip_prefix(name) {
                let bytes = first_number(rest).and_then(|kibibytes| kibibytes.checked_mul(1024));
                total = bytes.and_then(|bytes| total.unwrap_or(0_u64).checked_add(bytes));
            }
        }
    })?;
    total
}

/// Does the host use large pages where nobody asks for them?
pub(super) fn huge_pages_are_always() -> Option<bool> {
    const ALWAYS: &[u8] = b"[always]";
    let mut always = false;
    each_line(c"/sys/kernel/mm/transparent_hugepage/enabled", |line| {
        always |= line.windows(ALWAYS.len()).any(|word| word == ALWAYS);
    })?;
    Some(always)
}

/// The limit of what all processes may commit, in bytes.
pub(super) fn commit_limit() -> Option<u64> {
    let mut limit = None;
    each_line(c"/proc/meminfo", |line| {
        if let Some(rest) = line.strip_prefix(b"CommitLimit:") {
            limit = first_number(rest).and_then(|kibibytes| kibibytes.checked_mul(1024));
        }
    })?;
    limit
}

/// The mapping that `address` lies in.
pub(super) fn mapping_at(address: usize) -> Option<Mapping> {
    look_up(address).flatten()
}

/// The same; `None` when the kernel does not tell.
fn look_up(address: usize) -> Option<Option<Mapping>> {
    match os::query_mapping(address) {
        Ok(mapping) => return Some(Some(mapping)),
        Err(libc::ENOENT) => return Some(None),
        // An older kernel: the list has to be read.
        Err(_) => {}
    }
    let mut found = None;
    each_mapping(|mapping| {
        if (mapping.start..mapping.end).contains(&address) {
            found = Some(mapping);
        }
    })?;
    Some(found)
}

/// Can all of `[start, end)` be read and written? `None` when the kernel does not tell.
pub(super) fn is_usable(start: usize, end: usize) -> Option<bool> {
    let mut next = start;
    while next < end {
        match look_up(next)? {
            Some(mapping) if mapping.readable && mapping.writable => next = mapping.end,
            _ => return Some(false),
        }
    }
    Some(true)
}

fn each_mapping(mut each: impl FnMut(Mapping)) -> Option<()> {
    each_line(c"/proc/self/maps", |line| {
        let mut words = line.split(|byte| matches!(byte, b'-' | b' '));
        let bounds = words.next().and_then(hexadecimal).zip(words.next().and_then(hexadecimal));
        let access = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        if let Some((start, end)) = bounds {
            let readable = access.first() == Some(&b'r');
            each(Mapping { start, end, readable, writable: access.get(1) == Some(&b'w') });
        }
    })
}

fn hexadecimal(text: &[u8]) -> Option<usize> {
    usize::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernel() {
        let mappings = count_mappings().unwrap();
        assert!((10..60_000).contains(&mappings), "{mappings}");
        assert!(read_number(c"/proc/sys/vm/max_map_count").unwrap() > mappings);
        let usage = usage().unwrap();
        assert!(usage.total > usage.data && usage.data > 0);
        assert!(memory_and_swap().unwrap() > 1 << 28);
        assert_eq!(read_number(c"/proc/none/such"), None);
        let local = 0_u8;
        let address = (&raw const local).addr();
        let stack = mapping_at(address).unwrap();
        assert!(stack.start <= address && address < stack.end);
        assert!(stack.readable && stack.writable);
        assert_eq!(is_usable(stack.start, stack.end), Some(true));
        assert_eq!(is_usable(0, stack.end), Some(false));
        assert_eq!(mapping_at(1), None);
        let mut read = None;
        let found = each_mapping(|mapping| {
            read = read.or((mapping.start == stack.start).then_some(mapping));
        });
        assert_eq!((found, read), (Some(()), Some(stack)), "both ways to ask agree");
    }

    #[test]
    fn numbers_are_found_and_never_wrap() {
        assert_eq!(first_number(b"  65530\n"), Some(65530));
        assert_eq!(first_number(b"none"), None);
        assert_eq!(first_number(b"99999999999999999999"), None);
    }
}
