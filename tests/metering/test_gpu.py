"""On a GPU: the device is waited for, and its own clocks and counters agree."""

import time

import pytest
import torch

from course_lib import measure
from course_lib.metering import energy, memory
from tests.metering.fake_machine import MIB, ends

pytestmark = pytest.mark.gpu


@pytest.fixture
def cuda():
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    return torch.device("cuda", torch.cuda.current_device())


def test_the_device_is_waited_for(cuda):
    a = torch.rand(8192, 8192, device=cuda)
    cost = measure(torch.mm, a, a, repeats=5)
    torch.cuda.synchronize()
    began = time.perf_counter()
    torch.mm(a, a)
    launch = time.perf_counter() - began
    torch.cuda.synchronize()
    assert launch < cost.minimum_seconds / 2


def test_wall_time_agrees_with_the_events_of_the_device(cuda):
    """Launching and waiting are in the wall time and small beside some milliseconds of work."""
    a = torch.rand(8192, 8192, device=cuda)
    cost = measure(torch.mm, a, a, repeats=20)
    times = []
    for _ in range(20):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        torch.mm(a, a)
        ended.record()
        torch.cuda.synchronize(cuda)
        times.append(began.elapsed_time(ended) / 1e3)  # ms
    assert 0.9 < cost.minimum_seconds / min(times) < 1.3


def test_calls_are_waited_for_together_where_they_are_short(cuda):
    a = torch.rand(16, 16, device=cuda)
    cost = measure(torch.mm, a, a, repeats=10)
    assert cost.samples[0].calls > 1
    assert cost.peak_bytes.low >= a.nbytes


@pytest.mark.parametrize("mebibytes", [1, 64])
def test_the_allocator_tells_peak_memory_exactly(cuda, mebibytes):
    peak = memory.peak_bytes(
        lambda: torch.ones(mebibytes * MIB, dtype=torch.uint8, device=cuda), cuda
    )
    assert ends(peak) == (mebibytes * MIB,) * 3


def test_two_at_a_time_take_twice_the_memory(cuda):
    def both():
        return [torch.ones(32 * MIB, dtype=torch.uint8, device=cuda) for _ in range(2)]

    def in_turn():
        for _ in range(2):
            torch.ones(32 * MIB, dtype=torch.uint8, device=cuda)

    for function, mebibytes in ((both, 64), (in_turn, 32)):
        cost = measure(function, device=cuda, repeats=3)
        assert ends(cost.peak_bytes) == (mebibytes * MIB,) * 3


def test_the_counter_of_the_gpu_is_read(cuda):
    if energy.counter_for(cuda) is None:
        pytest.skip("zeus finds no NVML counter here")
    a = torch.rand(8192, 8192, device=cuda)
    cost = measure(torch.mm, a, a, budget_seconds=2, precision=0)
    gpu = cost.energy_by_part[str(cuda)]
    assert gpu.basis == "measured"
    assert 10 < gpu.value / cost.seconds.value < 1500  # W of one GPU at work
    assert cost.energy_joule.value > gpu.value and set(cost.energy_by_part) == {str(cuda), "cpu"}


def test_apple_has_one_chip_and_a_range():
    if not torch.backends.mps.is_available():
        pytest.skip("needs Apple's MPS")
    a = torch.rand(1024, 1024, device="mps")
    cost = measure(torch.mm, a, a, repeats=5)
    assert cost.energy_joule.basis == "assumed" and len(cost.energy_by_part) == 1
