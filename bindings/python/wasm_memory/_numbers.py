"""Numbers as WebIDL converts them, with EnforceRange."""

from __future__ import annotations

import math
import operator
from typing import Any

from ._errors import RANGE_ERROR, TYPE_ERROR, Reason, make_error
from ._library import UINT32_MAX, UINT64_MAX

ADDRESS_TYPES = ("i32", "i64")


def shown(value: object) -> str:
    """A value in a message, whatever its own repr does."""
    try:
        return repr(value)[:60]
    except Exception:
        return f"an object of type {type(value).__name__}"


def outside(what: str, value: object) -> Exception:
    """A number that its integer type does not have."""
    requested = value if isinstance(value, int) and 0 <= value <= UINT64_MAX else 0
    message = f"{what} is outside its integer type: {shown(value)}"
    return make_error(TYPE_ERROR, Reason.COUNT_OUTSIDE_TYPE, message, requested)


def integer(what: str, value: Any, largest: int = UINT64_MAX, fractions: bool = True) -> int:
    """0 to largest. A fraction is cut off first, except where JavaScript wants a BigInt."""
    try:
        number = operator.index(value)
    except TypeError:
        if not fractions or isinstance(value, complex) or not hasattr(value, "__float__"):
            raise make_error(
                TYPE_ERROR, Reason.COUNT_OUTSIDE_TYPE, f"{what} is not an integer: {shown(value)}"
            ) from None
        try:
            real = float(value)
        except (ValueError, OverflowError, TypeError):
            raise outside(what, value) from None
        if not math.isfinite(real):
            raise outside(what, value) from None
        number = math.trunc(real)
    if not 0 <= number <= largest:
        raise outside(what, number)
    return number


def page_count(what: str, value: Any, address: str) -> int:
    """WebIDL's unsigned long, or an unsigned 64-bit BigInt."""
    if address == "i64":
        return integer(what, value, fractions=False)
    return integer(what, value, UINT32_MAX)


def index(value: Any, what: str = "index") -> int:
    """A byte offset or length: 64 bits in every memory, and past its end is a trap."""
    return integer(what, value)


def byte_count(value: Any) -> int:
    """The argument of resize, by ECMAScript's ToIndex: what is no index is a RangeError, which the
    library raises in its place among the checks."""
    try:
        return integer("byte length", value)
    except TypeError:
        if not hasattr(value, "__index__") and not hasattr(value, "__float__"):
            raise
        return 0 if value != value else UINT64_MAX  # NaN is 0


def address_number(address: object) -> int:
    """The number of an address type."""
    if isinstance(address, str) and address in ADDRESS_TYPES:
        return ADDRESS_TYPES.index(address)
    raise make_error(
        TYPE_ERROR, Reason.ADDRESS_TYPE, f"the address type is 'i32' or 'i64', not {shown(address)}"
    )


def page_size_number(value: Any) -> int:
    """Bytes of a page. C's 0 for the usual size is no size in Python."""
    number = integer("page_size", value)
    if number == 0 or number > UINT32_MAX:
        raise make_error(
            RANGE_ERROR, Reason.PAGE_SIZE, f"a page has 1 or 65536 bytes, not {number}", number
        )
    return number
