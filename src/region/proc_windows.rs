//! What Windows tells of this process and of itself. Every answer may be missing: then whoever asked
//! does without.

use super::os::{self, Mapping};

/// What this process uses, in bytes.
pub(super) struct Usage {
    /// Address space.
    pub(super) total: u64,
    /// Private memory, touched or not.
    pub(super) data: u64,
}

pub(super) fn usage() -> Option<Usage> {
    os::usage().map(|(total, data)| Usage { total, data })
}

/// Mappings are not counted here.
pub(super) const fn count_mappings() -> Option<u64> {
    None
}

/// There is no limit of mappings.
pub(super) const fn most_mappings() -> Option<u64> {
    None
}

/// The system always holds to a limit of what all processes commit.
pub(super) const fn overcommit_is_off() -> Option<bool> {
    Some(true)
}

/// The system itself keeps the account.
pub(super) const fn overcommit_by_rule_of_thumb() -> Option<bool> {
    Some(false)
}

/// Nobody asks for it where the system keeps the account.
pub(super) const fn memory_and_swap() -> Option<u64> {
    None
}

/// Large pages come only to who asks for a whole allocation of them.
pub(super) const fn huge_pages_are_always() -> Option<bool> {
    Some(false)
}

/// The limit of what all processes may commit, in bytes.
pub(super) fn commit_limit() -> Option<u64> {
    os::commit_limit()
}

/// The run of alike pages that `address` lies in.
pub(super) fn mapping_at(address: usize) -> Option<Mapping> {
    os::query_mapping(address).ok()
}

/// Can all of `[start, end)` be read and written? `None` when the system does not tell.
pub(super) fn is_usable(start: usize, end: usize) -> Option<bool> {
    let mut next = start;
    while next < end {
        match os::query_mapping(next) {
            Ok(mapping) if mapping.readable && mapping.writable => next = mapping.end,
            Ok(_) | Err(os::code::INVALID) => return Some(false),
            Err(_) => return None,
        }
    }
    Some(true)
}
