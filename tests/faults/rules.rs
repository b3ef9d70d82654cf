//! Which errnos each kind of call can give, and which reasons an operation may give for it.

use libc::{
    EACCES, EAGAIN, EBADF, EBUSY, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, EMFILE, ENFILE,
    ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTTY, EOVERFLOW, EPERM, EROFS, ESPIPE, ESRCH,
    ETIMEDOUT,
};
use wasm_memory::faults::Call;

/// What an operation is, as far as refusals of the host are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A config or an allocator.
    Allocator,
    Create,
    Grow,
    Reset,
    /// A buffer object.
    Buffer,
    Image,
    FromFile,
    WriteFile,
    /// Has no refusal of the host to tell: wait, discard, delete, trim, statistics.
    Quiet,
}

pub const ADDRESS_SPACE: u32 = 30;
pub const COMMIT: u32 = 31;
pub const OUT_OF_MEMORY: u32 = 32;
pub const FILE: u32 = 81;

/// Each kind with what `man 2` says that it can give to a caller like this, ENOSYS and EPERM of a
/// sandbox included. EINTR stands only where a wait ends by it: the loops of the others that go on
/// after it are behind the gate, and a real signal tries them (c-tests/denied.c).
pub const KINDS: &[(Call, &[i32])] = &[
    (Call::Map, &[ENOMEM, EAGAIN, EINVAL, EPERM, ENFILE, EACCES, ENODEV]),
    (Call::Protect, &[ENOMEM, EACCES, EINVAL, EPERM]),
    (Call::Unmap, &[ENOMEM, EINVAL, EPERM]),
    (Call::Remap, &[ENOMEM, EAGAIN, EFAULT, EINVAL, EPERM, ENOSYS]),
    (Call::Advise, &[EINVAL, ENOMEM, EAGAIN, EBADF, EIO, EPERM, ENOSYS, EFAULT]),
    (Call::Open, &[EMFILE, ENFILE, ENOENT, EACCES, ENOMEM, EPERM, EROFS, ENOSPC]),
    (Call::Read, &[EIO, EAGAIN, EBADF, EINVAL, EPERM]),
    (Call::Limit, &[EINVAL, EFAULT, EPERM]),
    // ENOENT would be an answer: nothing is mapped there.
    (Call::Query, &[ENOTTY, EINVAL, ESRCH, ENOMEM, EPERM]),
    (Call::Resident, &[EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM, ENOSYS]),
    (Call::Wait, &[EAGAIN, EINTR, EINVAL, ETIMEDOUT, EPERM, ENOSYS]),
    (Call::MemoryFile, &[EMFILE, ENFILE, ENOMEM, EINVAL, EPERM, ENOSYS, EACCES]),
    (Call::Truncate, &[EFBIG, EINVAL, EIO, ENOSPC, EPERM, ENOMEM]),
    (Call::Write, &[ENOSPC, EIO, EFBIG, EDQUOT, EAGAIN, EBADF, EINVAL, EPERM]),
    (Call::Seal, &[EBUSY, EINVAL, EPERM, EBADF]),
    (Call::Status, &[EBADF, EIO, ENOMEM, EPERM]),
    (Call::Scan, &[ENOTTY, EFAULT, EINTR, EINVAL, ENOMEM, EBADF, EIO, EPERM, ENOSYS]),
    (Call::Seek, &[EBADF, EINVAL, EOVERFLOW, ESPIPE, EPERM]),
];

/// Two kinds at once: all calls of the first, and the n-th of the second, which stands in for it.
pub const PAIRS: &[(Call, Call)] = &[
    (Call::MemoryFile, Call::Map),
    (Call::MemoryFile, Call::Protect),
    (Call::Advise, Call::Map),
    (Call::Advise, Call::Protect),
    (Call::Scan, Call::Advise),
    (Call::Scan, Call::Seek),
    (Call::Unmap, Call::Advise),
    (Call::Remap, Call::Map),
    (Call::Remap, Call::Protect),
];

/// For refusals of whichever call comes n-th.
pub const ANY: &[i32] = &[ENOMEM, EPERM, EINVAL];

/// The reasons that `operation` may give when a call of this kind is refused; `None` is any kind.
pub fn reasons(call: Option<Call>, operation: Operation) -> &'static [u32] {
    use Operation::{Allocator, Buffer, Create, FromFile, Grow, Image, Quiet, Reset, WriteFile};
    let Some(call) = call else {
        return match operation {
            Allocator => &[OUT_OF_MEMORY, ADDRESS_SPACE],
            Create | Grow => &[ADDRESS_SPACE, COMMIT, OUT_OF_MEMORY],
            Reset => &[COMMIT],
            Buffer | Image => &[OUT_OF_MEMORY],
            FromFile => &[OUT_OF_MEMORY, FILE],
            WriteFile => &[FILE],
            Quiet => &[],
        };
    };
    match (call, operation) {
        // Storage of the library's own, address space, and fresh bytes in place of an image.
        (Call::Map, Allocator) => &[OUT_OF_MEMORY, ADDRESS_SPACE],
        (Call::Map, Create | Grow) => &[OUT_OF_MEMORY, ADDRESS_SPACE, COMMIT],
        (Call::Map, Reset) => &[COMMIT],
        (Call::Map, Buffer | Image | FromFile) => &[OUT_OF_MEMORY],
        (Call::Protect, Create | Grow | Reset) => &[COMMIT],
        // What was to hold the bytes cannot be frozen in place of a file.
        (Call::Protect, Image | FromFile) => &[OUT_OF_MEMORY],
        (Call::Open | Call::Status | Call::Read, FromFile) => &[FILE],
        (Call::Open | Call::Write, WriteFile) => &[FILE],
        _ => &[],
    }
}
