"""A passport: measured once, kept whole or not at all, and never another machine's."""

import json
import os
from dataclasses import fields

import pytest
import torch

from course_lib import Passport
from course_lib import passport as get_passport
from course_lib.devices import fingerprint
from course_lib.passport import copy_bandwidth, default_path, measure_passport
from course_lib.quantities import Estimate

# The module's own name is the function's in the package.
MODULE = measure_passport.__globals__


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setitem(MODULE, "BUDGET_SECONDS", 0.002)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rate(value):
    return Estimate(value, 0.9 * value, 1.1 * value, "FLOP/s", "measured")


@pytest.fixture
def made():
    return Passport(
        device="cpu",
        flop_per_s={"float32": {256: rate(3e10), 512: rate(5e10), 1024: rate(4e10)}},
        bytes_per_s=Estimate(1e10, 9e9, 1.2e10, "B/s", "measured"),
        launch_seconds=Estimate(2e-6, 1e-6, 3e-6, "s", "measured"),
        machine=fingerprint(),
        load_per_core=0.1,
        contaminated=False,
        measured="2026-01-01T00:00:00+00:00",
    )


def plain(passport):
    """All that a passport holds, for comparison."""

    def numbers(estimate):
        return (estimate.value, estimate.low, estimate.high, estimate.unit, estimate.basis)

    content = {field.name: getattr(passport, field.name) for field in fields(passport)}
    for name in ("bytes_per_s", "launch_seconds"):
        content[name] = numbers(content[name])
    content["flop_per_s"] = {
        precision: {size: numbers(value) for size, value in rates.items()}
        for precision, rates in content["flop_per_s"].items()
    }
    return content


@pytest.fixture
def measurements(monkeypatch, made):
    """Replaces the measurement; lists the devices asked for."""
    asked = []

    def fake(device, progress):
        asked.append(device.type)
        return made

    monkeypatch.setitem(MODULE, "measure_passport", fake)
    return asked


# --- what is measured ---


def test_a_small_passport_of_this_machine():
    lines = []
    seen = measure_passport(
        "cpu", sizes=(8, 16), precisions=("float32", "float64"), copy_bytes=2**16,
        progress=lines.append,
    )  # fmt: skip
    assert list(seen.flop_per_s) == ["float32", "float64"]
    for rates in seen.flop_per_s.values():
        assert list(rates) == [8, 16]
        assert all(r.unit == "FLOP/s" and 0 < r.low <= r.value <= r.high for r in rates.values())
    assert seen.bytes_per_s.unit == "B/s" and seen.launch_seconds.unit == "s"
    assert seen.device == "cpu" and seen.machine == fingerprint()
    assert len(lines) == 4 + 2 and isinstance(seen.contaminated, bool)


def test_rates_are_flop_and_bytes_over_seconds(monkeypatch):
    class Cost:
        contaminated = False
        seconds = best_seconds = Estimate.exact(0.125, "s", "measured")

        def __init__(self, flop):
            if flop is not None:
                self.flop_per_s = self.best_flop_per_s = Estimate.exact(flop, "FLOP") / self.seconds

    monkeypatch.setitem(MODULE, "measure", lambda *_, flop=None, **__: Cost(flop))
    seen = measure_passport("cpu", (100, 110), ("float32",), copy_bytes=4000)
    assert seen.peak().value == 2 * 110**3 / 0.125
    assert seen.bytes_per_s.value == 2 * 4000 / 0.125  # read and written
    assert copy_bandwidth("cpu", 4000)[0].value == seen.bytes_per_s.value
    # A size that would take longer than a fifth of a second, at the rate just seen, is left out.
    rates = measure_passport("cpu", (100, 150), ("float32",), 400).flop_per_s["float32"]
    assert list(rates) == [100]


def test_contention_of_any_part_is_contention_of_the_whole(monkeypatch):
    class Cost:
        seconds = best_seconds = Estimate.exact(1.0, "s", "measured")
        flop_per_s = best_flop_per_s = Estimate.exact(1e12, "FLOP/s", "measured")

        def __init__(self, contaminated):
            self.contaminated = contaminated

    for guilty in range(4):  # two sizes, the copy, the launch
        costs = iter([Cost(number == guilty) for number in range(4)])
        monkeypatch.setitem(MODULE, "measure", lambda *_, costs=costs, **__: next(costs))
        assert measure_passport("cpu", (8, 16), ("float32",), 400).contaminated


def test_a_precision_that_the_device_lacks_is_left_out(monkeypatch):
    multiply = torch.mm

    def without_half(a, b):
        if a.dtype == torch.float16:
            raise RuntimeError("not implemented for 'Half'")
        return multiply(a, b)

    monkeypatch.setattr(torch, "mm", without_half)
    lines = []
    seen = measure_passport("cpu", (8,), ("float16", "float32"), 400, lines.append)
    assert list(seen.flop_per_s) == ["float32"] and "float16: not on this device" in lines
    with pytest.raises(ValueError, match="precision is 'float16'; this passport has float32"):
        seen.peak("float16")


def test_the_peak_is_the_best_size_and_the_ridge_is_where_roofs_meet(made):
    assert made.peak("float32").value == 5e10
    ridge = made.ridge()
    assert ridge.value == pytest.approx(5.0) and ridge.unit == "FLOP/B"
    assert ridge.low < 5 < ridge.high


# --- keeping it ---


def test_what_is_kept_is_what_was_measured(made, tmp_path):
    path = tmp_path / "deep" / "passport.json"
    made.save(path)
    kept = Passport.load(path)
    assert plain(kept) == plain(made)
    kept.save(path)
    assert plain(Passport.load(path)) == plain(made)
    real = measure_passport("cpu", (8,), ("float32",), 400)
    real.save(path)
    assert plain(Passport.load(path)) == plain(real)


def test_a_passport_is_written_whole_or_not_at_all(made, tmp_path, monkeypatch):
    path = tmp_path / "passport.json"
    made.save(path)
    before = path.read_bytes()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for module, name in ((json, "dumps"), (os, "replace")):
        with monkeypatch.context() as broken:
            broken.setattr(module, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                made.save(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "{}", '{"schema": 1}', '{"schema": 0}', '{"schema": 1, "x": 2}']
)
def test_a_damaged_passport_says_what_to_do(tmp_path, damage):
    path = tmp_path / "passport.json"
    path.write_text(damage)
    for use in (lambda: Passport.load(path), lambda: get_passport(path, "cpu")):
        with pytest.raises(ValueError, match=r"passport\.json is not a passport \(.*delete it"):
            use()


def test_a_passport_with_a_number_missing_is_damaged(made, tmp_path):
    path = tmp_path / "passport.json"
    made.save(path)
    whole = json.loads(path.read_text())
    for name in whole:
        path.write_text(json.dumps({k: v for k, v in whole.items() if k != name}))
        with pytest.raises(ValueError, match="is not a passport"):
            Passport.load(path)


def test_it_is_measured_once(measurements, made, tmp_path):
    path = tmp_path / "passport.json"
    first, second = get_passport(path, "cpu"), get_passport(path, "cpu")
    assert measurements == ["cpu"] and plain(first) == plain(second) == plain(made)
    get_passport(path, "cpu", again=True)
    assert measurements == ["cpu", "cpu"]


def test_it_is_kept_in_the_cache_one_file_a_device(measurements, made, tmp_path, monkeypatch):
    get_passport(device="cpu")
    assert default_path("cpu") == tmp_path / "cache" / "counting-the-cost" / "passport-cpu.json"
    assert plain(Passport.load(default_path("cpu"))) == plain(made)
    assert default_path("cuda") != default_path("cpu")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_path("cpu").is_relative_to(tmp_path / "home" / ".cache")


@pytest.mark.parametrize(
    "changed", [{"cpu": "Another"}, {"torch": "1.0"}, {"threads": 99}, {"gpus": ["New"]}]
)
def test_a_passport_of_another_machine_is_measured_anew(
    measurements, made, tmp_path, monkeypatch, changed
):
    path = tmp_path / "passport.json"
    made.save(path)
    get_passport(path, "cpu")
    assert measurements == []
    other = fingerprint() | changed
    monkeypatch.setitem(MODULE, "fingerprint", lambda: other)
    get_passport(path, "cpu")
    assert measurements == ["cpu"]


def test_a_passport_of_another_device_is_measured_anew(measurements, made, tmp_path):
    path = tmp_path / "passport.json"
    made.save(path)
    kept = json.loads(path.read_text()) | {"device": "cuda"}
    path.write_text(json.dumps(kept))
    get_passport(path, "cpu")
    assert measurements == ["cpu"]


def test_an_unknown_device_is_an_error(measurements):
    with pytest.raises(ValueError, match="device 'abacus' is unknown"):
        get_passport(device="abacus")
    assert measurements == []


@pytest.mark.gpu
def test_a_passport_of_the_accelerator():
    from course_lib.devices import pick

    device = pick()
    seen = measure_passport(device, (256, 1024), ("float32",), 2**24)
    assert seen.device == device.type != "cpu" and seen.peak().value > 0
    assert seen.flop_per_s["float32"][1024].value > seen.flop_per_s["float32"][256].value
