package wasmmemory

// #include "shim.h"
import "C"

// Reason is a stable number for each distinguishable cause of an error; the units of
// [Error.Requested] and [Error.Available] are those that wasm_memory.h names for it.
type Reason uint32

// The reasons, with the numbers of the C interface.
const (
	ReasonNone                 Reason = C.WASM_MEMORY_REASON_NONE
	ReasonNullArgument         Reason = C.WASM_MEMORY_REASON_NULL_ARGUMENT
	ReasonInvalidHandle        Reason = C.WASM_MEMORY_REASON_INVALID_HANDLE
	ReasonReservedField        Reason = C.WASM_MEMORY_REASON_RESERVED_FIELD
	ReasonUnknownValue         Reason = C.WASM_MEMORY_REASON_UNKNOWN_VALUE
	ReasonSettingsConflict     Reason = C.WASM_MEMORY_REASON_SETTINGS_CONFLICT
	ReasonInitialMissing       Reason = C.WASM_MEMORY_REASON_INITIAL_MISSING
	ReasonAddressType          Reason = C.WASM_MEMORY_REASON_ADDRESS_TYPE
	ReasonSharedWithoutMaximum Reason = C.WASM_MEMORY_REASON_SHARED_WITHOUT_MAXIMUM
	ReasonCountOutsideType     Reason = C.WASM_MEMORY_REASON_COUNT_OUTSIDE_TYPE
	ReasonPageSize             Reason = C.WASM_MEMORY_REASON_PAGE_SIZE
	ReasonAboveLimit           Reason = C.WASM_MEMORY_REASON_ABOVE_LIMIT
	ReasonMaximumBelowInitial  Reason = C.WASM_MEMORY_REASON_MAXIMUM_BELOW_INITIAL
	ReasonMaximumExceeded      Reason = C.WASM_MEMORY_REASON_MAXIMUM_EXCEEDED
	ReasonSizeLimit            Reason = C.WASM_MEMORY_REASON_SIZE_LIMIT
	ReasonQuotaBytes           Reason = C.WASM_MEMORY_REASON_QUOTA_BYTES
	ReasonLimiter              Reason = C.WASM_MEMORY_REASON_LIMITER
	ReasonSlotSize             Reason = C.WASM_MEMORY_REASON_SLOT_SIZE
	ReasonReservationExceeded  Reason = C.WASM_MEMORY_REASON_RESERVATION_EXCEEDED
	ReasonQuotaMemories        Reason = C.WASM_MEMORY_REASON_QUOTA_MEMORIES
	ReasonPoolExhausted        Reason = C.WASM_MEMORY_REASON_POOL_EXHAUSTED
	ReasonAddressSpace         Reason = C.WASM_MEMORY_REASON_ADDRESS_SPACE
	ReasonCommit               Reason = C.WASM_MEMORY_REASON_COMMIT
	ReasonOutOfMemory          Reason = C.WASM_MEMORY_REASON_OUT_OF_MEMORY
	ReasonMapCount             Reason = C.WASM_MEMORY_REASON_MAP_COUNT
	ReasonDetached             Reason = C.WASM_MEMORY_REASON_DETACHED
	ReasonBufferKind           Reason = C.WASM_MEMORY_REASON_BUFFER_KIND
	ReasonWouldShrink          Reason = C.WASM_MEMORY_REASON_WOULD_SHRINK
	ReasonNotPageMultiple      Reason = C.WASM_MEMORY_REASON_NOT_PAGE_MULTIPLE
	ReasonNoMaximum            Reason = C.WASM_MEMORY_REASON_NO_MAXIMUM
	ReasonMaxByteLength        Reason = C.WASM_MEMORY_REASON_MAX_BYTE_LENGTH
	ReasonNotTransferable      Reason = C.WASM_MEMORY_REASON_NOT_TRANSFERABLE
	ReasonImportAddress        Reason = C.WASM_MEMORY_REASON_IMPORT_ADDRESS
	ReasonImportPageSize       Reason = C.WASM_MEMORY_REASON_IMPORT_PAGE_SIZE
	ReasonImportShared         Reason = C.WASM_MEMORY_REASON_IMPORT_SHARED
	ReasonImportInitial        Reason = C.WASM_MEMORY_REASON_IMPORT_INITIAL
	ReasonImportMaximum        Reason = C.WASM_MEMORY_REASON_IMPORT_MAXIMUM
	ReasonOutOfBounds          Reason = C.WASM_MEMORY_REASON_OUT_OF_BOUNDS
	ReasonUnaligned            Reason = C.WASM_MEMORY_REASON_UNALIGNED
	ReasonWaitUnshared         Reason = C.WASM_MEMORY_REASON_WAIT_UNSHARED
	ReasonTooManyWaiters       Reason = C.WASM_MEMORY_REASON_TOO_MANY_WAITERS
	ReasonInterrupted          Reason = C.WASM_MEMORY_REASON_INTERRUPTED
	ReasonNotCloneable         Reason = C.WASM_MEMORY_REASON_NOT_CLONEABLE
	ReasonSharedMemory         Reason = C.WASM_MEMORY_REASON_SHARED_MEMORY
	ReasonImageDoesNotFit      Reason = C.WASM_MEMORY_REASON_IMAGE_DOES_NOT_FIT
	ReasonFile                 Reason = C.WASM_MEMORY_REASON_FILE
	ReasonPanic                Reason = C.WASM_MEMORY_REASON_PANIC
)
