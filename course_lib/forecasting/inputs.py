"""What a forecast was made from, as one SHA-256 that does not depend on the machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest(inputs: Any) -> str:
    """SHA-256 of inputs: of their JSON, in which an array stands as dtype, shape and own SHA-256.

    Parameters
    ----------
    inputs : str, number, array, pandas.DataFrame, or a mapping or list of such
        A mapping's keys are sorted; the order of rows and columns counts.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> digest("a sweep")
    'sha256:54ed68179207397814b443a262e729b9d1c2cd0ae3fc13a5adc861fa1a9abf34'
    >>> digest({"x": np.arange(3.0), "seed": 1}) == digest({"seed": 1, "x": np.arange(3.0)})
    True
    """
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=_plain)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _plain(value: Any) -> Any:
    """What stands in the JSON for a value that JSON does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "columns") and hasattr(value, "index"):  # a DataFrame
        names = [str(name) for name in value.columns]
        columns = [value.iloc[:, i].to_numpy() for i in range(len(names))]
        return {"columns": names, "index": value.index.to_numpy(), "data": columns}
    if not hasattr(value, "__array__"):
        raise TypeError(
            f"inputs hold a {type(value).__name__}; give text, numbers, arrays, a DataFrame, or "
            "a mapping or list of these"
        )
    array = np.asarray(value)
    if array.dtype == object:
        return array.tolist()
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.str,
        "shape": array.shape,
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }
