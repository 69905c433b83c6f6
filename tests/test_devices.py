"""Which device, waiting for it, and a fingerprint that tells the machine and not its owner."""

import getpass
import json
import os
import time

import pytest
import torch

from course_lib import devices


def test_the_fastest_device_is_picked_and_a_named_one_kept(monkeypatch):
    for kinds, best in (
        (["cpu"], "cpu"),
        (["cpu", "mps"], "mps"),
        (["cpu", "cuda"], "cuda"),
        (["cpu", "cuda", "mps"], "cuda"),
    ):
        monkeypatch.setattr(devices, "available", lambda kinds=kinds: kinds)
        assert devices.pick().type == best
        assert devices.pick("cpu") == torch.device("cpu")
        for kind in kinds:
            assert devices.pick(kind).type == kind
            assert devices.pick(torch.device(kind)).type == kind
    assert devices.pick("cuda:1").index == 1


def test_a_device_that_is_not_here_is_an_error_not_another_device(monkeypatch):
    monkeypatch.setattr(devices, "available", lambda: ["cpu"])
    for named in ("cuda", "cuda:1", "mps", "meta"):
        with pytest.raises(ValueError, match=f"device '{named}' is not on this machine, which has"):
            devices.pick(named)
    with pytest.raises(ValueError, match="device 'abacus' is unknown"):
        devices.pick("abacus")


def test_what_is_available_works():
    kinds = devices.available()
    assert kinds[0] == "cpu" and len(set(kinds)) == len(kinds)
    for kind in kinds:
        assert torch.ones(2, device=kind).sum().item() == 2


@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda", 0)])
def test_cuda_is_waited_for(monkeypatch, device):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    devices.synchronise(device)
    assert waited == [device]


def test_mps_is_waited_for_and_a_cpu_is_not(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append("cuda"))
    devices.synchronise("cpu")
    devices.synchronise(torch.device("cpu"))
    devices.synchronise()
    assert waited == []
    devices.synchronise(torch.device("mps"))
    assert waited == ["mps"]


def test_work_is_where_the_first_tensor_or_module_is():
    meta, here = torch.ones(1, device="meta"), torch.ones(1)
    assert devices.device_of(3, "a", meta, here).type == "meta"
    assert devices.device_of(torch.nn.Linear(2, 2, device="meta"), here).type == "meta"
    assert devices.device_of(torch.nn.ReLU(), here, meta).type == "cpu"
    with_buffer = torch.nn.BatchNorm1d(2, affine=False, device="meta")
    assert devices.device_of(with_buffer).type == "meta"
    assert devices.device_of() == devices.device_of(print, None) == torch.device("cpu")


def test_a_fingerprint_is_the_same_twice_and_survives_json():
    first = devices.fingerprint()
    assert devices.fingerprint() == first == json.loads(json.dumps(first))
    assert first["torch"] == str(torch.__version__)
    assert first["threads"] == torch.get_num_threads()
    assert 1 <= first["cores"] <= (os.cpu_count() or 1)
    assert len(first["gpus"]) == torch.cuda.device_count()


def test_a_fingerprint_does_not_ask_who_owns_the_machine(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("asked for a name")

    devices._processor.cache_clear()
    for module, name in ((os, "uname"), (getpass, "getuser"), (os, "getlogin")):
        if name != "uname":  # platform.machine() reads the whole of uname
            monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr("platform.node", refuse)
    monkeypatch.setattr("socket.gethostname", refuse)
    devices.fingerprint()


def test_another_number_of_threads_is_another_machine():
    before = devices.fingerprint()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        assert devices.fingerprint() != before
    finally:
        torch.set_num_threads(threads)
    assert devices.fingerprint() == before


def test_a_machine_is_described_by_what_is_known():
    machine = {"cpu": "Imagined 9000", "cores": 4, "memory_bytes": None, "gpus": ["Big", "Bigger"]}
    assert devices.describe(machine) == "Imagined 9000, 4 cores, Big, Bigger"
    assert devices.describe(devices.fingerprint()).count(", ") >= 1


def test_what_the_system_does_not_tell_is_none(monkeypatch):
    def missing(*_):
        raise OSError

    monkeypatch.setattr(os, "getloadavg", missing, raising=False)
    monkeypatch.setattr(os, "sysconf", missing, raising=False)
    assert devices.load_per_core() is None and devices.memory_bytes() is None
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert devices.cores() == os.cpu_count()


def test_load_is_shared_among_the_cores(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (6.0, 0.0, 0.0), raising=False)
    monkeypatch.setattr(devices, "cores", lambda: 4)
    assert devices.load_per_core() == 1.5


@pytest.mark.gpu
def test_a_launch_returns_before_its_work_is_done():
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    a = torch.rand(8192, 8192, device="cuda")
    torch.mm(a, a)
    devices.synchronise("cuda")
    began = time.perf_counter()
    torch.mm(a, a)
    launched = time.perf_counter() - began
    devices.synchronise("cuda")
    assert launched < (time.perf_counter() - began) / 2
