"""Images: frozen bytes that memories start from and come back to."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Optional, Union

from ._library import Descriptor, ImageHandle, c, check
from ._numbers import index as byte_index
from ._type import MemoryType, type_of


def image_handle(image: Any) -> "Optional[ImageHandle]":
    """The handle of an Image or None, never of something else."""
    if image is None:
        return None
    if not isinstance(image, Image):
        raise TypeError(f"an Image is needed, not {type(image).__name__}")
    return image._handle


class Image:
    """A frozen run of bytes that memories map copy-on-write. Made from bytes, placed at `index`.

    >>> from wasm_memory import Image, Memory
    >>> image = Image(b"hello", index=8)
    >>> memory = Memory(1, image=image)
    >>> memory.read(8, 5)
    b'hello'
    """

    _handle: ImageHandle

    def __init__(self, data: Any, index: int = 0) -> None:
        source = bytes(memoryview(data))
        out = ctypes.c_void_p()
        check(c.image_new(source, len(source), byte_index(index), ctypes.byref(out)))
        self._handle = ImageHandle(out.value)

    @classmethod
    def _take(cls, out: ctypes.c_void_p) -> "Image":
        image = cls.__new__(cls)
        image._handle = ImageHandle(out.value)
        return image

    @classmethod
    def from_file(cls, path: "Union[str, bytes, os.PathLike[Any]]", index: int = 0) -> "Image":
        """An image of the bytes that a file has now. HostError when it cannot be read."""
        out = ctypes.c_void_p()
        check(c.image_from_file(_path(path), byte_index(index), ctypes.byref(out)))
        return cls._take(out)

    def write_file(self, path: "Union[str, bytes, os.PathLike[Any]]") -> None:
        """Writes the bytes to a file, without their index."""
        check(c.image_write_file(self._handle, _path(path)))

    def type(self) -> "Optional[MemoryType]":
        """The type of the memory that it is a snapshot of; None for another image."""
        out = Descriptor()
        check(c.image_get_type(self._handle, ctypes.byref(out)))
        return type_of(out) if out.initial.present else None

    def __reduce__(self) -> Any:
        raise TypeError("an Image cannot be pickled; write_file keeps it")


def _path(path: "Union[str, bytes, os.PathLike[Any]]") -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("embedded null byte in a path")
    return name
