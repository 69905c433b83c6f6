"""A passport: measured once, kept whole or not at all, and never another machine's."""

import getpass
import json
import os
import platform
import re
import socket
import uuid
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Passport
from course_lib import passport as get_passport
from course_lib.devices import fingerprint, pick
from course_lib.passport import (
    PRECISIONS,
    OtherVersion,
    copy_bandwidth,
    default_path,
    keeping,
    measure_passport,
    probes,
    roofline_text,
)
from course_lib.quantities import Estimate

CPU = torch.device("cpu")
SCHEMA = json.loads((Path(probes.__file__).parent / "schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(probes, "BUDGET_SECONDS", 0.002)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rate(value, unit="FLOP/s"):
    return Estimate(value, 0.9 * value, 1.1 * value, unit, "measured")


def some_passport(**changes):
    content = {
        "device": "cpu",
        "flop_per_s": {"float32": {256: rate(3e10), 512: rate(5e10), 1024: rate(4e10)}},
        "bytes_per_s": Estimate(1e10, 9e9, 1.2e10, "B/s", "measured"),
        "launch_seconds": Estimate(2e-6, 1e-6, 3e-6, "s", "measured"),
        "machine": fingerprint(),
        "load_per_core": 0.1,
        "contaminated": False,
        "measured": "2026-01-01T00:00:00+00:00",
        "op_per_s": {"int8": {512: rate(8e10, "OP/s")}},
        "device_name": fingerprint()["cpu"],
        "device_memory_bytes": 2**34,
    }
    return Passport(**content | changes)


@pytest.fixture
def made():
    return some_passport()


def plain(passport):
    """All that a passport holds, for comparison."""

    def numbers(estimate):
        return (estimate.value, estimate.low, estimate.high, estimate.unit, estimate.basis)

    content = {field.name: getattr(passport, field.name) for field in fields(passport)}
    for name in ("bytes_per_s", "launch_seconds"):
        content[name] = numbers(content[name])
    for name in ("flop_per_s", "op_per_s"):
        content[name] = {
            precision: {size: numbers(value) for size, value in rates.items()}
            for precision, rates in content[name].items()
        }
    return content


@pytest.fixture
def measurements(monkeypatch, made):
    """Replaces the measurement; lists the devices asked for."""
    asked = []

    def fake(device, progress):
        asked.append(device.type)
        return made

    monkeypatch.setattr(keeping, "measure_passport", fake)
    return asked


class Cost:
    """What `measure` gives back, with a time that is known."""

    def __init__(self, seconds=0.125, contaminated=False):
        self.seconds = self.best_seconds = Estimate.exact(seconds, "s", "measured")
        self.contaminated = contaminated


# --- what is measured ---


def test_a_small_passport_of_this_machine():
    lines = []
    seen = measure_passport(
        "cpu", sizes=(8, 16), precisions=("float32", "float64"), copy_bytes=2**16,
        progress=lines.append,
    )  # fmt: skip
    assert list(seen.flop_per_s) == ["float32", "float64"] and seen.op_per_s == {}
    for rates in seen.flop_per_s.values():
        assert list(rates) == [8, 16]
        assert all(r.unit == "FLOP/s" and 0 < r.low <= r.value <= r.high for r in rates.values())
    assert seen.bytes_per_s.unit == "B/s" and seen.launch_seconds.unit == "s"
    assert seen.device == "cpu" and seen.machine == fingerprint()
    assert seen.device_name == seen.machine["cpu"]
    assert seen.device_memory_bytes == seen.machine["memory_bytes"]
    assert len(lines) == 4 + 2 and isinstance(seen.contaminated, bool)


def test_rates_are_work_and_bytes_over_seconds(monkeypatch):
    monkeypatch.setattr(probes, "measure", lambda *_, **__: Cost())
    seen = measure_passport("cpu", (100, 110), ("float32", "int8"), copy_bytes=4000)
    assert seen.peak().value == 2 * 110**3 / 0.125
    assert seen.peak("int8").value == 2 * 110**3 / 0.125  # two operations a multiply-accumulate
    assert seen.bytes_per_s.value == 2 * 4000 / 0.125  # read and written
    assert copy_bandwidth("cpu", 4000)[0].value == seen.bytes_per_s.value


def test_a_size_that_takes_too_long_ends_the_series(monkeypatch):
    tried, lines = [], []

    def slow(multiply, a, b, device):
        tried.append(len(a))
        return 0.3 if len(a) == 130 else 0.1

    monkeypatch.setattr(probes, "measure", lambda *_, **__: Cost())
    monkeypatch.setattr(probes, "_seconds_of", slow)
    rates, _ = probes.matmul_rates("float32", (100, 120, 130, 140), CPU, lines.append)
    assert list(rates) == [100, 120] and lines[-1] == "float32 130 and above: too slow here"
    assert tried == [100, 120, 130, 130]  # the second call counts: the first may have to prepare
    # One that would take far too long, at the rate just seen, is not tried at all.
    rates, _ = probes.matmul_rates("float32", (100, 200), CPU, lines.append)
    assert list(rates) == [100] and 200 not in tried
    assert lines[-1] == "float32 200 and above: too slow here"
    # The first size is always measured: it says how slow the precision is.
    assert list(probes.matmul_rates("float32", (130,), CPU)[0]) == [130]


def test_contention_of_any_part_is_contention_of_the_whole(monkeypatch):
    for sizes, precisions in (((8, 9), ("float32",)), ((8,), ("float32", "int8"))):
        for guilty in [*range(4), None]:  # two products, the copy, the launch
            costs = iter([Cost(contaminated=number == guilty) for number in range(4)])
            monkeypatch.setattr(probes, "measure", lambda *_, costs=costs, **__: next(costs))
            seen = measure_passport("cpu", sizes, precisions, 400)
            assert seen.contaminated == (guilty is not None)


def test_a_copy_never_asks_for_more_than_a_share_of_the_memory(monkeypatch):
    sizes = []
    monkeypatch.setattr(probes, "measure", lambda _, a, **__: sizes.append(a.nbytes) or Cost())
    monkeypatch.setattr(probes, "device_memory_bytes", lambda device: 8000)
    for asked in (400, 10**6):
        copy_bandwidth("cpu", asked)
    assert sizes == [400, 8000 // probes.COPY_SHARE]


def test_a_precision_that_the_device_lacks_is_left_out(monkeypatch):
    multiply = torch.mm

    def without_half(a, b):
        if a.dtype == torch.float16:
            raise RuntimeError("not implemented for 'Half'")
        return multiply(a, b)

    monkeypatch.setattr(torch, "mm", without_half)
    monkeypatch.delattr(torch, "_int_mm")
    lines = []
    seen = measure_passport("cpu", (8,), ("float16", "float32", "int8", "tf32"), 400, lines.append)
    assert list(seen.flop_per_s) == ["float32"] and seen.op_per_s == {}
    for lacking in ("float16", "int8", "tf32"):
        assert f"{lacking}: not on this device" in lines
        with pytest.raises(ValueError, match=f"'{lacking}'; this passport has float32"):
            seen.peak(lacking)


def test_a_size_that_does_not_fit_the_memory_ends_the_series(monkeypatch):
    multiply = torch.mm

    def small_memory(a, b):
        if len(a) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return multiply(a, b)

    monkeypatch.setattr(torch, "mm", small_memory)
    lines = []
    seen = measure_passport("cpu", (8, 16, 32), ("float32",), 400, lines.append)
    assert list(seen.flop_per_s["float32"]) == [8]
    assert "float32 16 and above: too large for this device's memory" in lines


def test_an_unknown_precision_is_an_error():
    with pytest.raises(ValueError, match="precisions has 'int7'; allowed are float32, tf32"):
        measure_passport("cpu", (8,), ("float32", "int7"), 400)


def test_the_peak_is_the_best_size_and_the_ridge_is_where_roofs_meet(made):
    assert made.peak("float32").value == 5e10 and made.peak_side("float32") == 512
    ridge = made.ridge()
    assert ridge.value == pytest.approx(5.0) and ridge.unit == "FLOP/B"
    assert ridge.low < 5 < ridge.high


def test_integer_operations_are_not_flop(made):
    assert made.peak("int8").unit == "OP/s" and made.ridge("int8").unit == "OP/B"
    time = Estimate.exact(1e12, "FLOP") / made.peak("int8")
    with pytest.raises(ValueError, match="cannot express"):
        time.to("s")


def test_int8_products_here_are_right_and_measured_in_op_per_s():
    multiply, a, b = probes._operands("int8", 32, CPU)
    assert a.dtype == b.dtype == torch.int8
    assert torch.equal(multiply(a, b).long(), a.long() @ b.long())
    seen = measure_passport("cpu", (32,), ("int8",), 400)
    assert seen.flop_per_s == {} and seen.op_per_s["int8"][32].unit == "OP/s"


# --- float32 is float32, whatever the program had asked for ---


def product_settings():
    """All that decides how float32 is multiplied; what cannot be read now is None."""
    readers = [
        torch.get_float32_matmul_precision,
        lambda: torch.backends.cuda.matmul.allow_tf32,
        lambda: torch.backends.cuda.matmul.fp32_precision,
        lambda: torch.backends.mkldnn.matmul.fp32_precision,
    ]
    values = []
    for read in readers:
        try:
            values.append(read())
        except (AttributeError, RuntimeError):
            values.append(None)
    return values


ASKED_BY_THE_PROGRAM = {
    "nothing": lambda: None,
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "the older switch": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "the newer switch": lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
}


@pytest.fixture(params=ASKED_BY_THE_PROGRAM)
def asked(request):
    before = product_settings()
    if request.param == "the newer switch" and before[2] is None:
        pytest.skip("this PyTorch has only the older switch")
    ASKED_BY_THE_PROGRAM[request.param]()
    yield request.param
    torch.set_float32_matmul_precision(before[0])
    for backend, kept in zip((torch.backends.cuda, torch.backends.mkldnn), before[2:], strict=True):
        if kept is not None:
            backend.matmul.fp32_precision = kept
    assert product_settings() == before


def test_the_program_gets_its_settings_back(asked):
    before = product_settings()
    for precision, tf32 in (("highest", False), ("high", True)):
        with probes.float32_products(precision):
            assert product_settings()[:2] == [precision, tf32]
        assert product_settings() == before
        with pytest.raises(KeyboardInterrupt), probes.float32_products(precision):
            raise KeyboardInterrupt
        assert product_settings() == before


def test_float32_is_measured_in_full_and_tf32_on_request(monkeypatch, asked):
    seen = []

    def spy(*_, **__):
        seen.append(torch.get_float32_matmul_precision())
        return Cost()

    monkeypatch.setattr(probes, "measure", spy)
    monkeypatch.setattr(probes, "multiplies_in_tf32", lambda device: True)
    for precision, wanted in (("float32", "highest"), ("tf32", "high"), ("float32", "highest")):
        assert list(probes.matmul_rates(precision, (8,), CPU)[0]) == [8]
        assert seen.pop() == wanted


def test_tf32_is_recognised_by_its_rounding(monkeypatch):
    multiply = torch.mm

    def to_tf32(x):  # 10 bits of mantissa are kept, of 23
        return (x.view(torch.int32) & ~0x1FFF).view(torch.float32)

    def tensor_cores(a, b):
        if torch.get_float32_matmul_precision() == "high":
            a, b = to_tf32(a), to_tf32(b)
        return multiply(a, b)

    assert not probes.multiplies_in_tf32(CPU)
    monkeypatch.setattr(torch, "mm", tensor_cores)
    assert probes._rounds_when_asked(CPU)
    monkeypatch.setattr(torch, "mm", multiply)
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda precision: None)
    assert not probes._rounds_when_asked(CPU)  # asked, and nothing changed


# --- keeping it ---

positive = st.floats(1e-9, 1e18)


@st.composite
def estimates(draw, unit):
    low, value, high = sorted(draw(st.tuples(positive, positive, positive)))
    return Estimate(value, low, high, unit, "measured")


def rates_by_side(unit):
    return st.dictionaries(st.integers(1, 2**20), estimates(unit), min_size=1, max_size=2)


passports = st.builds(
    some_passport,
    device=st.sampled_from(["cpu", "cuda", "mps"]),
    flop_per_s=st.dictionaries(
        st.sampled_from([p for p in PRECISIONS if p != "int8"]), rates_by_side("FLOP/s")
    ),
    op_per_s=st.dictionaries(st.just("int8"), rates_by_side("OP/s")),
    bytes_per_s=estimates("B/s"),
    launch_seconds=estimates("s"),
    load_per_core=st.none() | st.floats(0, 100),
    contaminated=st.booleans(),
    device_name=st.none() | st.text(max_size=9),
    device_memory_bytes=st.none() | st.integers(0, 2**50),
)


@settings(max_examples=30)  # an estimate draws thousands of numbers
@given(passports)
def test_what_is_kept_is_what_was_measured_and_obeys_the_schema(tmp_path_factory, passport):
    path = tmp_path_factory.mktemp("kept") / "deep" / "passport.json"
    passport.save(path)
    assert plain(Passport.load(path)) == plain(passport)
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    again = path.read_bytes()
    Passport.load(path).save(path)
    assert path.read_bytes() == again


def test_a_passport_of_this_machine_obeys_the_schema(tmp_path):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    path = tmp_path / "passport.json"
    real = measure_passport("cpu", (32,), ("float32", "int8"), 400)
    real.save(path)
    assert plain(Passport.load(path)) == plain(real)
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)


def places(data, here=()):
    """Every place in a JSON document, as the keys that lead to it."""
    for key in data:
        yield (*here, key)
        if isinstance(data[key], dict):
            yield from places(data[key], (*here, key))


def changed(data, place, change):
    """A copy of a JSON document with the object that holds a place changed."""
    copy = json.loads(json.dumps(data))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    change(holder, place[-1])
    return copy


def remove(holder, key):
    del holder[key]


def make_list(holder, key):
    holder[key] = [1, 2]


def negate(holder, key):
    holder[key] = -1.5


def rename(holder, key):
    holder["surprise"] = holder.pop(key)


@pytest.mark.parametrize("change", [remove, make_list, negate, rename])
def test_load_refuses_what_the_schema_refuses_and_says_where(made, tmp_path, change):
    path = tmp_path / "passport.json"
    made.save(path)
    whole = json.loads(path.read_text())
    refused = 0
    for place in places(whole):
        damaged = changed(whole, place, change)
        path.write_text(json.dumps(damaged))
        if jsonschema.Draft202012Validator(SCHEMA).is_valid(damaged):
            Passport.load(path)
            continue
        refused += 1
        with pytest.raises(ValueError, match=r"passport\.json is not a passport: ") as error:
            Passport.load(path)
        told = str(error.value).partition(": ")[2]
        assert any(key in told for key in place[-2:]), (place, told)
    assert refused >= 40


def test_an_interval_that_does_not_hold_its_value_is_refused(made, tmp_path):
    path = tmp_path / "passport.json"
    made.save(path)
    whole = json.loads(path.read_text())
    for name, value in (("low", 2e10), ("high", 5e9), ("value", float("nan"))):
        bad = changed(whole, ("bytes_per_s", name), lambda h, k, value=value: h.update({k: value}))
        path.write_text(json.dumps(bad))
        with pytest.raises(ValueError, match="not a passport: bytes_per_s"):
            Passport.load(path)


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
    "damage", ["", "{", "[]", "{}", "3", '{"schema": 2}', '{"schema": "two"}', '{"schema": true}']
)
def test_a_file_that_is_no_passport_is_named_and_not_written_over(measurements, tmp_path, damage):
    path = tmp_path / "passport.json"
    path.write_text(damage)
    with pytest.raises(ValueError, match=r"passport\.json is not a passport: "):
        Passport.load(path)
    with pytest.raises(ValueError, match=r"is not a passport: .*again=True"):
        get_passport(path, "cpu")
    assert path.read_text() == damage and measurements == []
    get_passport(path, "cpu", again=True)
    assert measurements == ["cpu"] and Passport.load(path).peak().value == 5e10


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_passport_of_another_version_is_measured_again_with_a_word(
    measurements, made, tmp_path, capsys, version
):
    path = tmp_path / "passport.json"
    old = {"schema": version, "flop_per_s": {"float32": {}}, "whatever": "it held"}
    path.write_text(json.dumps(old))
    with pytest.raises(OtherVersion, match=f"version {version}.* reads version 2"):
        Passport.load(path)
    assert plain(get_passport(path, "cpu")) == plain(made)
    said = capsys.readouterr().out
    assert measurements == ["cpu"] and f"version {version}" in said and "measuring again" in said
    assert "delete" not in said
    assert plain(Passport.load(path)) == plain(made)


def test_it_is_measured_once(measurements, made, tmp_path, capsys):
    path = tmp_path / "passport.json"
    first, second = get_passport(path, "cpu"), get_passport(path, "cpu")
    assert measurements == ["cpu"] and plain(first) == plain(second) == plain(made)
    get_passport(path, "cpu", again=True)
    assert measurements == ["cpu", "cpu"] and capsys.readouterr().out == ""


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
    measurements, made, tmp_path, monkeypatch, changed, capsys
):
    path = tmp_path / "passport.json"
    made.save(path)
    get_passport(path, "cpu")
    assert measurements == []
    other = fingerprint() | changed
    monkeypatch.setattr(keeping, "fingerprint", lambda: other)
    get_passport(path, "cpu")
    assert measurements == ["cpu"] and "another machine" in capsys.readouterr().out


@pytest.mark.parametrize("changes", [{"device": "cuda"}, {"device_name": "Another chip"}])
def test_a_passport_of_another_device_is_measured_anew(measurements, tmp_path, changes):
    path = tmp_path / "passport.json"
    some_passport(device_name=None).save(path)
    get_passport(path, "cpu")
    assert measurements == []
    some_passport(**changes).save(path)
    get_passport(path, "cpu")
    assert measurements == ["cpu"]


def test_an_unknown_device_is_an_error(measurements):
    with pytest.raises(ValueError, match="device 'abacus' is unknown"):
        get_passport(device="abacus")
    assert measurements == []


# --- whose machine it is stays out of it ---


def test_nothing_in_it_names_the_owner(monkeypatch, tmp_path):
    real = {socket.gethostname(), platform.node(), getpass.getuser(), Path.home().name}
    real |= {f"{uuid.getnode():x}", f"{uuid.getnode():012x}"}
    for variable in ("USER", "LOGNAME", "LNAME", "USERNAME", "HOSTNAME"):
        monkeypatch.setenv(variable, "planted-name")
    uname = platform.uname()
    monkeypatch.setattr(platform, "uname", lambda: uname._replace(node="planted-name"))
    monkeypatch.setattr(socket, "gethostname", lambda: "planted-name")
    assert platform.node() == getpass.getuser() == "planted-name"

    path = tmp_path / "passport.json"
    measure_passport("cpu", (8,), ("float32",), 400).save(path)
    words = set(re.findall(r"[\w.-]+", path.read_text()))
    assert "float32" in words  # the search sees what is there
    assert not words & {*real, "planted-name"} - {""}


# --- the roofline in characters ---

rates_by_precision = st.dictionaries(
    st.sampled_from([p for p in PRECISIONS if p != "int8"]), st.floats(1e9, 1e15), min_size=1
)


def roofs(text):
    """Names to (row from the bottom, column where the roof begins), and columns a decade."""
    lines = text.splitlines()
    plot, axis = lines[1:-3], lines[-3]
    found = {}
    for row, line in enumerate(reversed(plot)):
        drawn = line.partition("|")[2]
        match = re.fullmatch(r"( *)_+ ([\w, ]+)", drawn)
        for name in match[2].split(", ") if match else ():
            found[name] = row, len(match[1])
    return found, axis.index("+", axis.index("+") + 1) - axis.index("+")


@given(rates_by_precision, st.floats(1e9, 1e13))
def test_every_roof_stands_at_its_height_and_meets_the_slope_at_its_ridge(peaks, bytes_per_s):
    text = roofline_text(peaks, bytes_per_s, width=120)
    assert all(len(line) <= 120 for line in text.splitlines())
    found, decade = roofs(text)
    assert set(found) == set(peaks)
    left = float(text.splitlines()[-2].split()[0])
    for name, peak in peaks.items():
        row, column = found[name]
        intensity = left * 10 ** (column / decade)
        height = left * bytes_per_s * 10 ** (2 * row / decade)
        one_row = 10 ** (1.01 / decade)  # half a row up or down
        assert 1 / one_row < intensity / (peak / bytes_per_s) < one_row
        assert 1 / one_row < height / peak < one_row


@given(rates_by_precision, st.floats(1e9, 1e13))
def test_a_thousand_times_the_machine_has_the_same_roofline(peaks, bytes_per_s):
    small = roofline_text(peaks, bytes_per_s, 120)
    large = roofline_text({k: 1000 * v for k, v in peaks.items()}, 1000 * bytes_per_s, 120)
    assert roofs(small) == roofs(large)


def test_the_roofline_fits_eighty_columns_or_says_what_it_needs():
    like_a_gpu = {"float32": 5e13, "tf32": 4e14, "bfloat16": 7.9e14, "float16": 7.8e14}
    text = roofline_text(like_a_gpu, 4e12)
    assert max(map(len, text.splitlines())) < 80
    assert "bfloat16, float16" in text and "100 T" in text and "4 TB/s" in text
    with pytest.raises(ValueError, match=r"width is 20; this roofline needs \d+ columns"):
        roofline_text(like_a_gpu, 4e12, width=20)
    for peaks, bytes_per_s in (({}, 1e9), ({"float32": 0.0}, 1e9), ({"float32": 1e9}, -1.0)):
        with pytest.raises(ValueError, match="must be above zero"):
            roofline_text(peaks, bytes_per_s)


# --- on an accelerator ---


@pytest.mark.gpu
def test_a_passport_of_the_accelerator(tmp_path):
    device = pick()
    seen = measure_passport(device, (256, 1024), ("float32",), 2**24)
    assert seen.device == device.type != "cpu" and seen.peak().value > 0
    assert seen.flop_per_s["float32"][1024].value > seen.flop_per_s["float32"][256].value
    assert seen.device_name and seen.device_memory_bytes > 2**28
    seen.save(tmp_path / "passport.json")
    jsonschema.validate(json.loads((tmp_path / "passport.json").read_text()), SCHEMA)


@pytest.mark.gpu
def test_tensor_cores_beat_full_precision():
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("needs a CUDA GPU with tf32 and bfloat16 tensor cores (compute capability 8.0)")
    before = product_settings()
    seen = measure_passport("cuda", (4096,), ("float32", "tf32", "bfloat16", "int8"), 2**26)
    assert product_settings() == before
    assert seen.peak("tf32").value > 1.5 * seen.peak("float32").value
    assert seen.peak("bfloat16").value > seen.peak("tf32").value
    assert seen.peak("int8").unit == "OP/s" and seen.peak("int8").value > 1e12
    assert seen.device_name == torch.cuda.get_device_name()
