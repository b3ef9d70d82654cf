//! What the kernel says of this process: its mappings, its descriptors, what can be read and written.

use std::fs;

/// Mappings and descriptors: what a leak would add to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Bytes and access of each mapping that is not the heap's or the stack's, smallest first.
    pub mappings: Vec<(u64, String)>,
    pub descriptors: usize,
}

impl Holdings {
    pub fn now() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut mappings: Vec<_> = maps.lines().filter_map(mapping).collect();
        mappings.sort();
        // The one that lists them is among them.
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        Self { mappings, descriptors }
    }

    /// What this has and `other` has not.
    pub fn beyond(&self, other: &Self) -> String {
        let mut rest = other.mappings.clone();
        let mut more = Vec::new();
        for mapping in &self.mappings {
            match rest.iter().position(|one| one == mapping) {
                Some(at) => drop(rest.swap_remove(at)),
                None => more.push(mapping),
            }
        }
        let (now, then) = (self.descriptors, other.descriptors);
        format!("new mappings {more:?}, gone {rest:?}; {now} descriptors, were {then}")
    }
}

fn mapping(line: &str) -> Option<(u64, String)> {
    if line.ends_with("[heap]") || line.ends_with("[stack]") {
        return None;
    }
    let mut words = line.split(' ');
    let (from, to) = words.next()?.split_once('-')?;
    let access = words.next()?;
    let bytes = u64::from_str_radix(to, 16).ok()? - u64::from_str_radix(from, 16).ok()?;
    Some((bytes, access.to_owned()))
}

pub fn page() -> u64 {
    // SAFETY: a question.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

/// Can the byte be read? The kernel answers with an error where the processor would fault.
pub fn can_read(address: *const u8) -> bool {
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: address.cast_mut().cast(), iov_len: 1 };
    // SAFETY: the kernel reads one byte of this process, if it can be read.
    unsafe { libc::process_vm_readv(libc::getpid(), &here, 1, &there, 1, 0) == 1 }
}

/// Can the byte be read and written? It keeps its value.
pub fn can_write(address: *mut u8) -> bool {
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: address.cast(), iov_len: 1 };
    // SAFETY: the kernel moves one byte, if it can be moved.
    unsafe {
        libc::process_vm_readv(libc::getpid(), &here, 1, &there, 1, 0) == 1
            && libc::process_vm_writev(libc::getpid(), &here, 1, &there, 1, 0) == 1
    }
}
