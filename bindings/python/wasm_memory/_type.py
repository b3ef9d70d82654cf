"""What a memory is, has and has done, as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

from ._library import UINT64_MAX, Descriptor
from ._numbers import ADDRESS_TYPES


@dataclasses.dataclass(frozen=True)
class MemoryType:
    """The type of a memory; `minimum` is its current size in pages."""

    minimum: int
    maximum: Optional[int]
    shared: bool
    address: str
    page_size: int


def type_of(descriptor: Descriptor) -> MemoryType:
    """A descriptor that the library has written."""
    return MemoryType(
        minimum=descriptor.initial.pages,
        maximum=descriptor.maximum.pages if descriptor.maximum.present else None,
        shared=descriptor.shared,
        address=ADDRESS_TYPES[descriptor.address],
        page_size=descriptor.page_size,
    )


@dataclasses.dataclass(frozen=True)
class Layout:
    """The address space around a memory: what compiled code may rely on."""

    reservation: int
    guard_before: int
    guard_after: int
    movable: bool
    exact_protection: bool
    elides_i32_checks: bool
    elidable_offset: int


@dataclasses.dataclass(frozen=True)
class Stats:
    """What an allocator or a memory has and has done; sizes in bytes.

    `resident_bytes` is None where the host cannot tell.
    """

    memories: int
    peak_memories: int
    reserved_bytes: int
    accessible_bytes: int
    peak_accessible_bytes: int
    resident_bytes: Optional[int]
    kept_bytes: int
    creations: int
    reuses: int
    growths: int
    moves: int
    refusals: int
    discarded_bytes: int


def from_c(kind: Any, structure: Any) -> Any:
    """A dataclass with the fields of a structure, UINT64_MAX for resident bytes being unknown."""
    values = {field.name: getattr(structure, field.name) for field in dataclasses.fields(kind)}
    if values.get("resident_bytes") == UINT64_MAX:
        values["resident_bytes"] = None
    return kind(**values)
