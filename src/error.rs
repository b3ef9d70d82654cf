//! Why an operation was refused: one variant for each cause that a caller can tell apart.
//!
//! The class (which JavaScript error it is), the stable number, the figures and the message all
//! derive from the variant, so no two of them can disagree. An [`enum@Error`] is a plain value: making,
//! copying and printing one allocates nothing.

use thiserror::Error;

/// The class of an error: which kind of JavaScript exception it corresponds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// JavaScript `TypeError`: the argument has the wrong shape or is outside the integer type.
    Type,
    /// JavaScript `RangeError`: the value fits its type but cannot be had.
    Range,
    /// `WebAssembly.LinkError`: an import does not match.
    Link,
    /// `WebAssembly.RuntimeError`: a trap.
    Runtime,
    /// `DataCloneError`: the object cannot be sent to another agent.
    DataClone,
    /// A fault of the library itself, caught at the boundary.
    Internal,
    /// The host refused something that has no JavaScript counterpart.
    Host,
}

impl Class {
    /// The name of the exception that a JavaScript host would throw.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Type => "TypeError",
            Self::Range => "RangeError",
            Self::Link => "LinkError",
            Self::Runtime => "RuntimeError",
            Self::DataClone => "DataCloneError",
            Self::Internal => "InternalError",
            Self::Host => "HostError",
        }
    }
}

/// What an error says in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What was asked for, in the unit that the reason names.
    pub requested: u64,
    /// The limit that it met, or 0 where none is known.
    pub available: u64,
    /// `errno` of the refusing call, or 0.
    pub os_error: i32,
}

/// Declares every reason once: its number, class, name, figures and message. The enum, and all
/// that is derived from it, come out of this one table.
macro_rules! reasons {
    ($($(#[$doc:meta])*
       $number:literal $class:ident $name:ident { $($field:ident: $type:ty),* } $message:literal;)+
    ) => {
        /// Why an operation was refused. Every variant is one `WASM_MEMORY_REASON_*`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "a field means the same in all variants: see Figures")]
        pub enum Error {
            $($(#[$doc])* #[error($message)] $name { $($field: $type),* },)+
        }

        impl Error {
            /// The stable number of the reason, `WASM_MEMORY_REASON_*` in the C header.
            #[must_use]
            pub const fn reason(&self) -> u32 {
                match self { $(Self::$name { .. } => $number,)+ }
            }

            /// Which JavaScript exception the error corresponds to.
            #[must_use]
            pub const fn class(&self) -> Class {
                match self { $(Self::$name { .. } => Class::$class,)+ }
            }

            /// What was asked for, the limit that it met, and what the host answered.
            #[must_use]
            #[allow(clippy::needless_update, reason = "not every variant lacks a figure")]
            pub fn figures(&self) -> Figures {
                match *self {
                    $(Self::$name { $($field),* } => Figures { $($field,)* ..Figures::default() },)+
                }
            }
        }

        #[cfg(test)]
        const NUMBERS: &[(u32, &str)] = &[$(($number, stringify!($name)),)+];
    };
}

reasons! {
    /// A pointer that must not be NULL is.
    1 Type NullArgument {} "a required pointer is NULL";
    /// A handle that was deleted, or one of another kind.
    2 Type InvalidHandle { requested: u64 } "{requested:#x} is not a live handle of this kind";
    /// A reserved field is not zero.
    3 Type ReservedField { requested: u64 } "a reserved field is {requested:#x} instead of zero";
    /// A number that names no known value.
    4 Type UnknownValue { requested: u64 } "{requested} names no known value";
    /// Two settings that exclude each other.
    5 Type SettingsConflict { requested: u64, available: u64 }
        "the settings exclude each other ({requested} with {available})";
    /// The descriptor has no initial size.
    10 Type InitialMissing {} "property 'initial' is required";
    /// The address type is neither i32 nor i64.
    11 Type AddressType { requested: u64 } "address type {requested} is neither i32 (0) nor i64 (1)";
    /// A shared memory without a maximum.
    12 Type SharedWithoutMaximum {} "a shared memory must have a maximum";
    /// A page count outside the integer type of the address type.
    13 Type CountOutsideType { requested: u64, available: u64 }
        "{requested} pages do not fit the address type, whose largest number is {available}";
    /// A page size that does not exist.
    14 Range PageSize { requested: u64 } "page size {requested} is neither 1 nor 65536";
    /// A page count above the limit of the address type.
    15 Range AboveLimit { requested: u64, available: u64 }
        "{requested} pages are above the limit of {available} pages";
    /// A maximum below the initial size.
    16 Range MaximumBelowInitial { requested: u64, available: u64 }
        "maximum {requested} is below initial {available}";
    /// Growth past the declared maximum.
    20 Range MaximumExceeded { requested: u64, available: u64 }
        "growing to {requested} pages would exceed the declared maximum of {available} pages";
    /// A size above the limit that the allocator sets.
    21 Range SizeLimit { requested: u64, available: u64 }
        "{requested} bytes are above the size limit of {available} bytes";
    /// The quota in bytes of the allocator.
    22 Range QuotaBytes { requested: u64, available: u64 }
        "{requested} bytes would exceed the allocator's quota of {available} bytes";
    /// The limiter said no.
    23 Range Limiter { requested: u64, available: u64 }
        "the limiter refused {requested} bytes";
    /// A size above what a slot of the pool holds.
    24 Range SlotSize { requested: u64, available: u64 }
        "{requested} bytes do not fit a slot of {available} bytes";
    /// Growth past the reservation of a memory that may not move.
    25 Range ReservationExceeded { requested: u64, available: u64 }
        "{requested} bytes are past the reservation of {available} bytes, and the memory may not move";
    /// The quota of memories of the allocator.
    26 Range QuotaMemories { requested: u64, available: u64 }
        "{requested} memories would exceed the allocator's quota of {available}";
    /// Every slot of the pool is taken.
    27 Range PoolExhausted { requested: u64, available: u64 }
        "all {available} slots of the pool are in use";
    /// The host has no address space of that size to give.
    30 Range AddressSpace { requested: u64, available: u64, os_error: i32 }
        "the host refused {requested} bytes of address space (limit {available}, errno {os_error})";
    /// The host would not make the bytes usable.
    31 Range Commit { requested: u64, available: u64, os_error: i32 }
        "the host refused to commit {requested} bytes (limit {available}, errno {os_error})";
    /// The library could not get memory for its own use, or a heap has no block for a memory.
    32 Range OutOfMemory { requested: u64, available: u64, os_error: i32 }
        "no memory for {requested} bytes (errno {os_error})";
    /// The host's limit on mappings of one process.
    33 Range MapCount { requested: u64, available: u64, os_error: i32 }
        "{requested} mappings would exceed the host's limit of {available} (errno {os_error})";
    /// The buffer is detached.
    40 Type Detached {} "the buffer is detached";
    /// The operation is not for a buffer of this kind.
    41 Type BufferKind {} "the operation is not possible on a buffer of this kind";
    /// A buffer cannot shrink.
    42 Range WouldShrink { requested: u64, available: u64 }
        "{requested} bytes are less than the current {available}, and a memory cannot shrink";
    /// A resize by a part of a page.
    43 Range NotPageMultiple { requested: u64, available: u64 }
        "{requested} bytes are not a whole number of pages more than {available}";
    /// A resizable buffer needs a maximum.
    44 Type NoMaximum {} "a memory without a maximum has no resizable buffer";
    /// A resize past the maximum length of the buffer.
    45 Range MaxByteLength { requested: u64, available: u64 }
        "{requested} bytes are above the buffer's maximum of {available}";
    /// The buffer of a memory cannot be transferred.
    46 Type NotTransferable {} "the buffer of a memory cannot be transferred";
    /// The import asks for another address type.
    50 Link ImportAddress { requested: u64, available: u64 }
        "the import asks for address type {requested}, the memory has {available}";
    /// The import asks for another page size.
    51 Link ImportPageSize { requested: u64, available: u64 }
        "the import asks for pages of {requested} bytes, the memory has pages of {available}";
    /// The import asks for the other kind of sharing.
    52 Link ImportShared { requested: u64, available: u64 }
        "the import asks for shared = {requested}, the memory has shared = {available}";
    /// The memory is smaller than the import's minimum.
    53 Link ImportInitial { requested: u64, available: u64 }
        "the import asks for at least {requested} pages, the memory has {available}";
    /// The memory may become larger than the import allows.
    54 Link ImportMaximum { requested: u64, available: u64 }
        "the import allows at most {requested} pages, the memory's maximum is {available}";
    /// An access past the end.
    60 Runtime OutOfBounds { requested: u64, available: u64 }
        "out of bounds: the access ends at {requested}, the memory at {available}";
    /// An address that is not a multiple of the access width.
    61 Runtime Unaligned { requested: u64, available: u64 }
        "address {requested} is not a multiple of {available}";
    /// A wait on a memory that is not shared.
    62 Runtime WaitUnshared {} "a wait needs a shared memory";
    /// More waiters than an address can have.
    63 Runtime TooManyWaiters { requested: u64, available: u64 }
        "{available} waiters at one address are the most";
    /// The wait was interrupted.
    64 Runtime Interrupted {} "the wait was interrupted";
    /// An unshared memory cannot be sent to another agent.
    70 DataClone NotCloneable {} "an unshared memory cannot be sent to another agent";
    /// Not possible on a shared memory.
    71 Type SharedMemory {} "the operation is not possible on a shared memory";
    /// The image does not fit the memory.
    80 Range ImageDoesNotFit { requested: u64, available: u64 }
        "the image needs {requested} bytes, the memory has {available}";
    /// A file that cannot be read or written.
    81 Host File { requested: u64, available: u64, os_error: i32 }
        "the file cannot be read or written (errno {os_error})";
    /// A fault of the library itself.
    90 Internal Panic {} "a fault of the library itself was caught at its boundary";
}

impl Error {
    /// Did the host refuse, which may have room again when something is given up?
    pub(crate) const fn is_of_host(&self) -> bool {
        matches!(self, Self::AddressSpace { .. } | Self::Commit { .. } | Self::MapCount { .. })
    }
}

/// What most fallible functions of this crate return.
pub type Result<T> = core::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_in_order() {
        assert!(NUMBERS.windows(2).all(|pair| pair[0].0 < pair[1].0), "{NUMBERS:?}");
    }

    #[test]
    fn figures_and_message_come_from_the_variant() {
        let error = Error::MaximumExceeded { requested: 11, available: 10 };
        assert_eq!((error.reason(), error.class()), (20, Class::Range));
        assert_eq!(error.figures(), Figures { requested: 11, available: 10, os_error: 0 });
        let text = error.to_string();
        assert!(text.contains("11") && text.contains("10"), "{text}");
    }
}
