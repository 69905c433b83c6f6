"""Nothing hangs: what never returns is stopped, and all is left as it was."""

import ctypes
import signal
import threading
import time

import pytest

from course_lib import compare, measure, read_records
from course_lib.metering import MeasurementTimeout, ledger, limits
from course_lib.metering.limits import time_limit

SOON = 0.05  # seconds; each test waits that long for what would never end


def spin():
    while True:
        pass


def sleep():
    time.sleep(1e6)


def wait():
    threading.Event().wait()


def catch_errors():
    while True:
        try:
            time.sleep(1e6)
        except Exception:  # ours is none
            pass


def catch_all_once():
    try:
        spin()
    except BaseException:
        spin()


by_alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a system without alarms")


@pytest.fixture(autouse=True)
def all_is_as_before():
    """Signal handlers, timers, threads and the ledger, whatever a test does."""
    alarm = getattr(signal, "SIGALRM", None)
    handler = signal.getsignal(alarm) if alarm else None
    threads = threading.active_count()
    yield
    if alarm:
        assert signal.getsignal(alarm) is handler
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert threading.active_count() == threads
    assert ledger._ledger.counted_flop == 0


# --- what is stopped ---


@by_alarm
@pytest.mark.parametrize("stuck", [spin, sleep, wait, catch_errors])
def test_a_call_that_never_returns_is_stopped(stuck, file):
    with pytest.raises(MeasurementTimeout, match=f"{stuck.__name__} was stopped after 0.05 s") as e:
        measure(stuck, name="stuck", limit_seconds=SOON, flop=1.0)
    assert isinstance(e.value, TimeoutError) and e.value.samples == ()
    assert stuck.__name__ in [frame.name for frame in e.traceback] or e.value.__cause__
    assert not file.exists() and read_records() == {}
    with pytest.raises(MeasurementTimeout):
        compare(lambda: None, stuck, limit_seconds=SOON)


@by_alarm
def test_who_catches_everything_is_told_again(monkeypatch):
    monkeypatch.setattr(limits, "AGAIN_SECONDS", SOON)
    with pytest.raises(MeasurementTimeout):
        measure(catch_all_once, limit_seconds=SOON)


@by_alarm
def test_the_error_shows_where_it_was_stopped():
    with pytest.raises(MeasurementTimeout) as caught:
        measure(sleep, limit_seconds=SOON)
    names, trace = [], caught.value.__cause__.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "sleep" in names


class Late:
    """A clock that stands still until a call is stuck: then the limit has passed, and rings."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def from_call(self, number):
        """Something to call that comes back until then."""
        made = []

        def call():
            made.append(None)
            if len(made) >= number:
                self.now += 1e6
                signal.raise_signal(signal.SIGALRM)
                spin()

        return call


@pytest.fixture
def late(monkeypatch):
    clock = Late()
    monkeypatch.setattr(limits, "time", clock)
    return clock


@by_alarm
@pytest.mark.parametrize(("call_number", "samples"), [(1, 0), (2, 0), (3, 0), (5, 0), (10, 4)])
def test_samples_taken_before_come_with_the_error(machine, late, call_number, samples):
    """The second call is for the memory, the third to fifth warm up: then come the samples."""
    task, stuck = machine.task(0.1), late.from_call(call_number)
    with pytest.raises(MeasurementTimeout) as caught:
        measure(lambda: (stuck(), task()), warmup=4, repeats=50)
    assert [s.seconds for s in caught.value.samples] == pytest.approx([0.1] * samples)
    assert f"with {samples} samples taken" in str(caught.value)


@by_alarm
def test_a_comparison_brings_both_calls_samples(machine, late):
    a, b, stuck = machine.task(0.1), machine.task(0.2), late.from_call(8)
    with pytest.raises(MeasurementTimeout) as caught:
        compare(lambda: (stuck(), a()), b, warmup=4, repeats=50)
    assert [s.seconds for s in caught.value.samples] == pytest.approx([0.1, 0.2] * 3)


@by_alarm
def test_many_slow_calls_are_stopped_too():
    with pytest.raises(MeasurementTimeout) as caught:
        measure(time.sleep, 0.01, repeats=10**6, limit_seconds=2)
    assert 1 <= len(caught.value.samples) <= 200


def test_what_is_done_in_time_is_not_stopped(machine):
    """However long it says that it takes: here a call of half a minute, forty times over."""
    assert len(measure(machine.task(30.0), repeats=40).samples) == 40


# --- off the main thread ---


def in_a_thread(function):
    """What a function raises in a thread of its own."""
    caught = []

    def run():
        try:
            function()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it hangs"
    return caught[0] if caught else None


def short_sleeps():
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize("stuck", [spin, short_sleeps])
def test_off_the_main_thread_python_code_is_stopped(stuck):
    error = in_a_thread(lambda: measure(stuck, limit_seconds=SOON))
    assert isinstance(error, MeasurementTimeout) and error.samples == ()


def test_off_the_main_thread_what_is_done_in_time_is_not_stopped():
    assert in_a_thread(lambda: measure(lambda: None, repeats=5, limit_seconds=30)) is None


def test_the_thread_is_told_nothing_once_it_is_out():
    """A limit that has passed reaches what runs through it, and nothing after it."""
    done = []

    def run():
        with time_limit(SOON, [], "it") as limit:
            limit.run(lambda: None)
            time.sleep(3 * SOON)
            done.append(sum(range(10**5)))
            limit.run(done.append, "too late")

    assert isinstance(in_a_thread(run), MeasurementTimeout)
    assert len(done) == 1


@by_alarm
def test_cleaning_up_is_not_interrupted():
    done = []
    with pytest.raises(MeasurementTimeout), time_limit(SOON, [], "it") as limit:
        limit.run(lambda: None)
        time.sleep(3 * SOON)
        done.append("cleaned up")
        limit.run(done.append, "too late")
    assert done == ["cleaned up"]


# --- errors of the function ---


class Own(Exception):
    pass


class Closed(Exception):
    def __setattr__(self, name, value):
        if not name.startswith("__"):
            raise AttributeError(name)
        super().__setattr__(name, value)


@pytest.mark.parametrize("error", [Own("mine"), Closed(), KeyboardInterrupt(), SystemExit(3)])
def test_errors_pass_through_and_bring_the_samples(machine, file, error):
    task = machine.task(0.1)

    def fails_late():
        task()
        if machine.calls > 8:
            raise error

    with pytest.raises(type(error)) as caught:
        measure(fails_late, name="broken", repeats=10, warmup=3, flop=1.0)
    assert caught.value is error
    if not isinstance(error, Closed):
        assert [s.seconds for s in error.samples] == pytest.approx([0.1] * 4)
    assert any("4 samples had been taken" in note for note in error.__notes__)
    assert not file.exists()


def test_an_error_that_has_samples_of_its_own_keeps_them(machine):
    error = Own()
    error.samples = "its own"

    def fails():
        raise error

    with pytest.raises(Own) as caught:
        compare(fails, machine.task(0.1))
    assert caught.value.samples == "its own"


def test_a_time_out_of_the_function_is_its_own(machine):
    def fails():
        raise TimeoutError("the network's")

    with pytest.raises(TimeoutError, match="the network's") as caught:
        measure(fails)
    assert type(caught.value) is TimeoutError and caught.value.samples == ()


# --- all is as before ---


@by_alarm
def test_a_later_alarm_is_kept():
    def handler(number, frame):
        raise Own

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 100, 7)
        with pytest.raises(MeasurementTimeout):
            measure(spin, limit_seconds=SOON)
        measure(time.sleep, 1e-3, repeats=3)
        assert signal.getsignal(signal.SIGALRM) is handler
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 50 < left < 100 and interval == pytest.approx(7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@by_alarm
@pytest.mark.parametrize("interval", [0.0, SOON])
def test_an_earlier_alarm_rings_in_time(interval):
    rings = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rings.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, SOON, interval)
        with pytest.raises(MeasurementTimeout):
            measure(spin, limit_seconds=6 * SOON)
        assert len(rings) >= (2 if interval else 1)
        assert interval or len(rings) == 1
        left, then = signal.getitimer(signal.ITIMER_REAL)
        assert then == pytest.approx(interval) and (left > 0) == (interval > 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@by_alarm
def test_the_error_of_an_earlier_alarm_is_not_taken_for_ours():
    def handler(number, frame):
        raise Own("the other alarm")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, SOON)
        with pytest.raises(Own, match="the other alarm"):
            measure(spin, limit_seconds=60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@by_alarm
def test_limits_nest():
    def inner():
        with pytest.raises(MeasurementTimeout, match=r"spin was stopped after 0\.05 s"):
            measure(spin, limit_seconds=SOON)

    measure(inner, warmup=1, repeats=1, limit_seconds=60)
    with pytest.raises(MeasurementTimeout, match=r"outer was stopped after 0\.05 s"):

        def outer():
            measure(spin, limit_seconds=60)

        measure(outer, limit_seconds=SOON)


class Blocks(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]


def mapped_alone(size=2**20):
    """Whether the C library maps a block of this size on its own, as while memory is watched."""
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Blocks
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    before = library.mallinfo2().d
    block = library.malloc(size)
    alone = library.mallinfo2().d > before
    library.free(block)
    return alone


def fails():
    raise Own


@by_alarm
@pytest.mark.parametrize("stuck", [spin, wait, fails])
def test_memory_is_no_longer_watched_after_an_error(stuck):
    if not hasattr(ctypes.CDLL(None), "mallinfo2"):
        pytest.skip("not the GNU C library, or before its 2.33")
    seen = []

    def second_call_is_watched():
        seen.append(mapped_alone())
        if len(seen) == 2:
            stuck()

    with pytest.raises((MeasurementTimeout, Own)):
        measure(second_call_is_watched, limit_seconds=SOON)
    assert seen[1] and not mapped_alone()
