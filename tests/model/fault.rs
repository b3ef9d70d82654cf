//! Rules that the model can be made to have wrong, to show that it would notice: each is what
//! somebody reads into the specification, or what an older engine does.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Creation: a shared memory without a maximum is noticed after the limits, as V8 does it.
    SharingCheckedLate,
    /// Growth: the limit of the address type comes before the declared maximum.
    LimitCheckedBeforeMaximum,
    /// Growth of an unshared memory by 0 keeps its buffer.
    EmptyGrowthKeepsBuffer,
    /// Growth of a shared memory by 0 makes a new buffer, as the threads text says.
    EmptySharedGrowthRefreshes,
    /// Growth of a shared memory detaches its old buffer.
    SharedGrowthDetaches,
    /// The type keeps the size that the memory was created with.
    TypeKeepsInitial,
    /// Imports are compared with the size that the memory was created with.
    ImportsSeeInitial,
    /// A memory without a maximum matches an import that has one.
    UnboundedMatches,
    /// Success clears the last error.
    SuccessClearsError,
    /// A call that returns the current buffer again adds no reference to it.
    ReturnAddsNothing,
    /// A growable buffer that a conversion has left behind no longer follows the length.
    AbandonedGrowableStops,
    /// A detached buffer of the resizable kind says that it is of fixed length.
    DetachedForgetsKind,
    /// The maximum length of a buffer is what the allocator would allow.
    MaximumClamped,
    /// Resizing looks at detachment before it looks at the number.
    DetachedCheckedEarly,
    /// Resizing to the current length counts as shrinking.
    SameLengthShrinks,
    /// Conversion to what the buffer is already makes a new object.
    ConversionAlwaysNew,
    /// A memory with a resizable buffer may be moved all the same.
    ResizableMoves,
    /// The buffer ends with its memory.
    BufferEndsWithMemory,
    /// Index and length are added as the machine adds them.
    SumWraps,
    /// A range of no bytes is in bounds anywhere.
    EmptyRangeNeverTraps,
    /// Copying overwrites what it has yet to read.
    CopiesForward,
    /// Copying looks at the source first.
    SourceCheckedFirst,
    /// Discarding looks at the bounds before the alignment.
    DiscardBoundsFirst,
    /// A wait notices an unshared memory before a misaligned index.
    WaitSharingFirst,
    /// Nobody waits on an unshared memory, so a notify there needs no bounds.
    NotifyUnsharedUnchecked,
    /// A wait with an equal value and no time returns "not equal".
    TimeoutNotEqual,
    /// Growth brings the new bytes with whatever was there.
    GrowthNotZero,
    /// A deleted memory no longer counts, though a buffer keeps its bytes.
    QuotaForgetsBuffers,
    /// The limiter is asked before the library's own limits.
    LimiterAskedFirst,
    /// A reset keeps the size that the memory has grown to.
    ResetKeepsSize,
    /// A reset leaves the buffers as they are.
    ResetKeepsBuffers,
    /// What follows an image in the memory that starts from it is not zero.
    ImageEndsDirty,
    /// A snapshot fits a memory that is larger.
    SnapshotFitsLarger,
    /// A reset past what is reserved moves a memory that growth may move.
    ResetMoves,
}

impl Fault {
    pub const ALL: [Self; 34] = [
        Self::SharingCheckedLate,
        Self::LimitCheckedBeforeMaximum,
        Self::EmptyGrowthKeepsBuffer,
        Self::EmptySharedGrowthRefreshes,
        Self::SharedGrowthDetaches,
        Self::TypeKeepsInitial,
        Self::ImportsSeeInitial,
        Self::UnboundedMatches,
        Self::SuccessClearsError,
        Self::ReturnAddsNothing,
        Self::AbandonedGrowableStops,
        Self::DetachedForgetsKind,
        Self::MaximumClamped,
        Self::DetachedCheckedEarly,
        Self::SameLengthShrinks,
        Self::ConversionAlwaysNew,
        Self::ResizableMoves,
        Self::BufferEndsWithMemory,
        Self::SumWraps,
        Self::EmptyRangeNeverTraps,
        Self::CopiesForward,
        Self::SourceCheckedFirst,
        Self::DiscardBoundsFirst,
        Self::WaitSharingFirst,
        Self::NotifyUnsharedUnchecked,
        Self::TimeoutNotEqual,
        Self::GrowthNotZero,
        Self::QuotaForgetsBuffers,
        Self::LimiterAskedFirst,
        Self::ResetKeepsSize,
        Self::ResetKeepsBuffers,
        Self::ImageEndsDirty,
        Self::SnapshotFitsLarger,
        Self::ResetMoves,
    ];
}
