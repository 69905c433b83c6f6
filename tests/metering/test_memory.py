"""Peak memory of a call: what it holds at a time, and no more."""

import gc
import os

import numpy as np
import pytest
import torch

from course_lib.metering import memory
from tests.metering.fake_machine import MIB

resets = pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="the high-water mark cannot be reset"
)


def allocate(*mebibytes):
    return [torch.ones(size * MIB, dtype=torch.uint8) for size in mebibytes]


def one_after_the_other():
    for size in (64, 64):
        allocate(size)


@resets
@pytest.mark.parametrize(
    ("function", "mebibytes"),
    [(lambda: allocate(64), 64), (lambda: allocate(64, 64), 128), (one_after_the_other, 64)],
    ids=["one", "two at a time", "one after the other"],
)
def test_peak_memory_is_what_is_held_at_a_time(function, mebibytes):
    gc.collect()  # what other tests left may not be freed while memory is watched
    function()  # what torch sets up once is not this call's
    peaks = [memory.peak_bytes(function, "cpu") for _ in range(3)]  # pages of others may move
    assert any(peak.low <= mebibytes * MIB <= peak.high for peak in peaks), [
        str(peak) for peak in peaks
    ]
    assert np.median([peak.value for peak in peaks]) == pytest.approx(mebibytes * MIB, rel=0.1)


@resets
def test_a_call_that_holds_nothing_holds_next_to_nothing():
    assert memory.peak_bytes(lambda: None, "cpu").value < 4 * MIB


def test_where_the_mark_cannot_be_reset_the_range_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "missing" / "clear_refs")
    peak = memory.peak_bytes(lambda: allocate(64), "cpu")
    assert peak.low <= 64 * MIB <= peak.high and peak.unit == "B"


@pytest.mark.parametrize("cleared", [True, False])
def test_an_error_of_the_function_is_its_own(monkeypatch, tmp_path, cleared):
    if not cleared:
        monkeypatch.setattr(memory, "_CLEAR", tmp_path / "missing" / "clear_refs")

    def fails():
        raise OSError("the function's own file")

    with pytest.raises(OSError, match="the function's own file"):
        memory.peak_bytes(fails, "cpu")
