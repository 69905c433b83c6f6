"""The settings of nbgrader's Execute that a run honours, and their defaults there."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "interrupt_on_timeout": True,
    "error_on_timeout": {
        "ename": "CellTimeoutError",
        "evalue": "",
        "traceback": ["\x1b[0;31mCellTimeoutError\x1b[0m: No reply from kernel before timeout"],
    },
    "startup_timeout": 60,
    "iopub_timeout": 4,
    "skip_cells_with_tag": "skip-execution",
    "extra_arguments": [],
    "store_widget_state": True,
    "record_timing": True,
    "ipython_hist_file": ":memory:",
    "kernel_name": "",
}


def complete(given: dict[str, Any]) -> dict[str, Any]:
    """Settings with nbgrader's defaults for the rest.

    Raises
    ------
    ValueError
        If a setting is none that a run honours.

    >>> complete({"iopub_timeout": 10})["iopub_timeout"]
    10
    """
    if unknown := sorted(set(given) - set(DEFAULTS)):
        raise ValueError(f"execution has {unknown}; allowed are {', '.join(DEFAULTS)}")
    return DEFAULTS | given
