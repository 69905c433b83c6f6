"""Values as JSON and back: numbers, texts, lists, dictionaries with texts as keys, and arrays.

What comes back has passed through text, so nothing of the sender's code is in it: no class, no
comparison, no conversion of its own. Never pickle.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

MOST_BYTES = 1 << 20  # of the text of one packed value
DEEPEST = 20  # lists within lists
_KINDS = "biuf"  # NumPy's kinds of booleans, integers and floats
_ALLOWED = "numbers, texts, True, False, None, lists, dictionaries and arrays of them"


class Unpackable(ValueError):
    """A value that cannot be handed over; the message says why and what can."""


def pack(value: Any) -> Any:
    """A value as plain JSON data.

    Parameters
    ----------
    value
        Numbers (Python's and NumPy's, also NaN and infinities), texts, booleans, None, lists and
        tuples, dictionaries with texts as keys, NumPy arrays, PyTorch tensors, pandas columns.

    Raises
    ------
    Unpackable
        If it is, or holds, anything else, or is too deep or too large.

    Examples
    --------
    >>> pack({"x": (1, 2.5), "y": float("nan")})
    {'x': [1, 2.5], 'y': {'$float': 'nan'}}
    >>> pack(np.arange(3))
    {'$array': {'dtype': 'int64', 'shape': [3], 'data': [0, 1, 2]}}
    >>> pack(print)
    Traceback (most recent call last):
    ...
    course_lib.checking.values.Unpackable: a value of type 'builtin_function_or_method' ...
    """
    packed = _pack(value, DEEPEST)
    try:
        size = len(json.dumps(packed))
    except ValueError as error:  # an integer of more digits than Python writes
        raise Unpackable(f"a number is too long: {error}") from error
    if size > MOST_BYTES:
        raise Unpackable(f"the value takes {size:,} bytes as text; allowed are {MOST_BYTES:,}")
    return packed


def _pack(value: Any, deeper: int) -> Any:
    if deeper == 0:
        raise Unpackable(f"the value is more than {DEEPEST} levels deep, or contains itself")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return _pack_float(float.__float__(value))
    if isinstance(value, list | tuple):
        return [_pack(one, deeper - 1) for one in value]
    if isinstance(value, dict):
        return _pack_dictionary(value, deeper)
    return _pack_array(value)


def _pack_float(number: float) -> Any:
    return number if math.isfinite(number) else {"$float": str(number)}


def _pack_dictionary(value: dict[Any, Any], deeper: int) -> dict[str, Any]:
    if wrong := [key for key in value if not isinstance(key, str) or key.startswith("$")]:
        raise Unpackable(f"the key {wrong[0]!r} of a dictionary is no text, or begins with '$'")
    return {str.__str__(key): _pack(one, deeper - 1) for key, one in value.items()}


def _pack_array(value: Any) -> Any:
    if hasattr(value, "detach"):  # a PyTorch tensor
        value = value.detach().cpu().resolve_neg().numpy()
    elif hasattr(value, "to_numpy"):  # a pandas column or table
        value = value.to_numpy()
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        raise Unpackable(
            f"a value of type {type(value).__name__!r} cannot be handed over; {_ALLOWED} can"
        )
    if value.dtype.kind not in _KINDS:
        raise Unpackable(f"an array of {value.dtype} cannot be handed over; {_ALLOWED} can")
    if value.nbytes > MOST_BYTES:
        raise Unpackable(f"an array of {value.nbytes:,} bytes is too large: at most {MOST_BYTES:,}")
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        value = value.astype(float)
    flat = [_pack_float(one) if isinstance(one, float) else one for one in value.ravel().tolist()]
    if value.ndim == 0:
        return flat[0]
    return {"$array": {"dtype": str(value.dtype), "shape": list(value.shape), "data": flat}}


def unpack(packed: Any) -> Any:
    """Undo `pack`, of data from anywhere: tuples come back as lists, tensors as NumPy arrays.

    Raises
    ------
    Unpackable
        If the data did not come from `pack`.

    Examples
    --------
    >>> unpack(pack([1, float("inf"), {"a": None}]))
    [1, inf, {'a': None}]
    >>> unpack({"$array": {"dtype": "float64", "shape": [2], "data": [1.0]}})
    Traceback (most recent call last):
    ...
    course_lib.checking.values.Unpackable: no packed array: ...
    """
    if isinstance(packed, list):
        return [unpack(one) for one in packed]
    if not isinstance(packed, dict):
        if packed is None or isinstance(packed, bool | int | float | str):
            return packed
        raise Unpackable(f"no packed value: {type(packed).__name__}")
    if set(packed) == {"$float"}:
        if packed["$float"] not in ("nan", "inf", "-inf"):
            raise Unpackable(f"no packed number: {packed['$float']!r:.60}")
        return float(packed["$float"])
    if set(packed) == {"$array"}:
        return _unpack_array(packed["$array"])
    if any(key.startswith("$") for key in packed):
        raise Unpackable(f"no packed dictionary: its keys are {sorted(packed)}")
    return {key: unpack(one) for key, one in packed.items()}


def _unpack_array(packed: Any) -> np.ndarray:
    try:
        dtype = np.dtype(packed["dtype"])
        shape = tuple(packed["shape"])
        data = [unpack(one) for one in packed["data"]]
        if dtype.kind not in _KINDS or not all(type(one) in (bool, int, float) for one in data):
            raise ValueError(f"it is of {dtype}")
        if not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"its shape is {shape}")
        return np.array(data, dtype=dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unpackable(f"no packed array: {error}") from error
