"""The one function of `forbiddenfruit` that blockbuster needs, for that package has no wheel: methods of built-in types."""

from __future__ import annotations

import ctypes
import sys
from types import ModuleType
from typing import Any


class _Proxy(ctypes.Structure):
    """CPython's mappingproxy, the read-only view on the attributes of a type."""

    _fields_ = (("references", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("attributes", ctypes.py_object))


def curse(kind: type, name: str, value: Any) -> None:
    """Set an attribute of a type that refuses it."""
    _Proxy.from_address(id(view := kind.__dict__)).attributes[name] = value
    del view
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def stand_in() -> None:
    """Be importable as `forbiddenfruit`."""
    module = ModuleType("forbiddenfruit")
    module.curse = curse  # type: ignore[attr-defined]
    sys.modules.setdefault("forbiddenfruit", module)
