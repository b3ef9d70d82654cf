"""The package's C code, and what of it a Python without PEP 688 needs."""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, Structure, c_char_p, c_int, c_uint, c_void_p
from pathlib import Path
from typing import Any

# PyDLL: the interpreter's lock is held in it.
native = ctypes.PyDLL(str(Path(__file__).with_name("libwasm_memory_python.so")))


class _Slot(Structure):
    """PyType_Slot"""

    _fields_ = [("slot", c_int), ("function", c_void_p)]


class _Spec(Structure):
    """PyType_Spec"""

    _fields_ = [
        ("name", c_char_p), ("basic_size", c_int), ("item_size", c_int), ("flags", c_uint),
        ("slots", POINTER(_Slot)),
    ]


_GET_BUFFER, _RELEASE_BUFFER = 1, 2  # Py_bf_getbuffer, Py_bf_releasebuffer
_DEFAULT, _BASE_TYPE = 1 << 18, 1 << 10  # Py_TPFLAGS_DEFAULT, Py_TPFLAGS_BASETYPE
# The interpreter reads some of these for as long as the type lives, which is for ever.
_kept: "list[Any]" = []


def _address(function: Any) -> c_void_p:
    return ctypes.cast(function, c_void_p)


def buffer_base() -> type:
    """A base class whose instances export what their `__buffer__` returns."""
    if sys.version_info >= (3, 12):
        return object
    functions = (c_void_p * 3)(
        _address(ctypes.pythonapi.PyObject_CallMethod).value,
        _address(ctypes.pythonapi.PyObject_GetBuffer).value,
        _address(ctypes.pythonapi.Py_DecRef).value,
    )
    native.wasm_memory_python_set_functions(functions)
    slots = (_Slot * 3)(
        _Slot(_GET_BUFFER, _address(native.wasm_memory_python_get_buffer)),
        _Slot(_RELEASE_BUFFER, _address(native.wasm_memory_python_release_buffer)),
        _Slot(),
    )
    spec = _Spec(
        b"wasm_memory._Exporting", object.__basicsize__, 0, _DEFAULT | _BASE_TYPE, slots
    )
    _kept.extend((slots, spec))
    make = ctypes.PYFUNCTYPE(ctypes.py_object, POINTER(_Spec))(("PyType_FromSpec", ctypes.pythonapi))
    made: type = make(ctypes.byref(spec))
    return made
