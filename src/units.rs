//! Arithmetic on sizes. Everything that adds, multiplies or rounds bytes and pages does it here,
//! checked: `pages * page_size` wrapping is how most linear memories were broken.

/// The sum of `parts`, or `None` past 2^64.
pub(crate) fn sum(parts: &[u64]) -> Option<u64> {
    parts.iter().try_fold(0_u64, |total, part| total.checked_add(*part))
}

/// `bytes` rounded up to a multiple of `unit`, or `None` past 2^64.
pub(crate) fn round_up(bytes: u64, unit: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(unit)
}

/// The bytes of `pages` pages of 2^`page_log2` bytes, or `None` past 2^64.
pub(crate) fn page_bytes(pages: u64, page_log2: u32) -> Option<u64> {
    1_u64.checked_shl(page_log2).and_then(|page| pages.checked_mul(page))
}

/// The same for a report: what does not fit is told as `u64::MAX`.
pub(crate) fn page_bytes_saturating(pages: u64, page_log2: u32) -> u64 {
    page_bytes(pages, page_log2).unwrap_or(u64::MAX)
}

/// `bytes` as a length of host memory, or `None` where the host's addresses are too short.
pub(crate) fn host(bytes: u64) -> Option<usize> {
    // Nothing larger than isize::MAX can be one object to the language or to the host.
    usize::try_from(bytes).ok().filter(|length| isize::try_from(*length).is_ok())
}

/// `length` of host memory as a count of bytes. No host has addresses of more than 64 bits.
#[allow(clippy::as_conversions, reason = "usize is at most 64 bits wide on every target")]
pub(crate) const fn bytes(length: usize) -> u64 {
    length as u64
}

/// A count of bytes that was found to be at most a host length, as one.
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the caller compared it with a host length"
)]
pub(crate) const fn low_bits(bytes: u64) -> usize {
    bytes as usize
}

/// A difference of two addresses as a signed distance.
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_wrap,
    reason = "a difference below zero wrapped, and is meant to come back"
)]
pub(crate) const fn signed(difference: usize) -> i64 {
    difference as isize as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_wraps() {
        assert_eq!(sum(&[u64::MAX, 1]), None);
        assert_eq!(sum(&[u64::MAX, 0]), Some(u64::MAX));
        assert_eq!(round_up(u64::MAX, 4096), None);
        assert_eq!(round_up(0, 4096), Some(0));
        assert_eq!(round_up(4097, 4096), Some(8192));
        assert_eq!(page_bytes(1 << 48, 16), None);
        assert_eq!(page_bytes((1 << 48) - 1, 16), Some(u64::MAX - 0xffff));
        assert_eq!(page_bytes(u64::MAX, 0), Some(u64::MAX));
        assert_eq!(page_bytes_saturating(u64::MAX, 16), u64::MAX);
        assert_eq!(host(u64::MAX), None);
    }
}
