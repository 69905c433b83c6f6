"""A function that never returns is stopped, and an error brings the samples taken before it.

In the main thread of a Unix process a timer's signal does it, which also ends a sleep and a wait
for a lock. Elsewhere a second thread raises the error in the measured one, which notices it before
its next step of Python: a sleep or a wait has to end first. Neither can end a call of C code that
does not come back to Python, such as one endless matrix product or a GPU that hangs.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

AGAIN_SECONDS = 1.0  # until a function that catches everything is told once more


class MeasurementTimeout(TimeoutError):
    """A measurement that was not done within its limit; ``samples`` holds what it had so far."""

    samples: tuple = ()


class _Overdue(BaseException):
    """Raised inside the measured function; no Exception, so that the function lets it pass."""


class Limit(AbstractContextManager):
    """Interrupts what `run` runs, and nothing else, once the time is up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.overdue = type("_Overdue", (_Overdue,), {})  # a class of its own: limits can nest
        self._began = time.monotonic()
        self._inside = False

    @property
    def left(self) -> float:
        """Seconds until it fires; negative once it has."""
        return self._began + self.seconds - time.monotonic()

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that may be interrupted."""
        self._inside = True
        try:
            if self.left <= 0:
                raise self.overdue
            return function(*args)
        finally:
            self._inside = False

    def extend(self, seconds: float) -> None:
        """Set the limit later, to so many seconds after its beginning."""
        if seconds > self.seconds:
            self.seconds = seconds
            self._arm()

    @abstractmethod
    def _arm(self) -> None:
        """Wait for what is left from here on."""


class _ByAlarm(Limit):
    """By the process's one real-time timer, which is shared with whoever had set it before."""

    def __enter__(self) -> Limit:
        remaining, self._others_interval = signal.getitimer(signal.ITIMER_REAL)
        self._others_time = time.monotonic() + remaining if remaining else None
        self._others_handler = signal.signal(signal.SIGALRM, self._ring)
        self._arm()
        return self

    def _arm(self) -> None:
        waits = [self.left if self.left > 0 else AGAIN_SECONDS]
        if self._others_time is not None:
            waits.append(self._others_time - time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(min(waits), 1e-6))

    def _ring(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        others = self._others_time is not None and now >= self._others_time
        if others:
            self._others_time = now + self._others_interval if self._others_interval else None
        self._arm()
        if others:
            self._ring_others(number, frame)
        if self.left <= 0 and self._inside:
            raise self.overdue

    def _ring_others(self, number: int, frame: Any) -> None:
        if callable(self._others_handler):
            self._others_handler(number, frame)
        elif self._others_handler == signal.SIG_DFL:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGALRM)  # ends the process, as it would have done

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._others_handler)
        if self._others_time is not None:
            remaining = max(self._others_time - time.monotonic(), 1e-6)
            signal.setitimer(signal.ITIMER_REAL, remaining, self._others_interval)


class _ByThread(Limit):
    """By a second thread, which raises the error in the one that entered."""

    def __enter__(self) -> Limit:
        self._thread = threading.get_ident()
        self._changed = threading.Condition()
        self._open = True
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return super().run(function, *args)
        finally:
            with self._changed:  # an error on its way that has not arrived is called back
                _raise_in(self._thread, None)

    def _arm(self) -> None:
        with self._changed:
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._open:
                self._changed.wait(self.left if self.left > 0 else AGAIN_SECONDS)
                if self._open and self._inside and self.left <= 0:
                    _raise_in(self._thread, self.overdue)

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._open = False
            self._changed.notify()
        self._watcher.join(AGAIN_SECONDS)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in a thread, or (None) call back one that it has not noticed yet."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


def _limit(seconds: float) -> Limit:
    alarm = (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is not None  # else C code owns it: not to be put back
    )
    return _ByAlarm(seconds) if alarm else _ByThread(seconds)


@contextmanager
def time_limit(seconds: float, samples: list, what: str) -> Iterator[Limit]:
    """Stop what is run through the limit after so many seconds; errors bring the samples so far.

    Parameters
    ----------
    seconds : float
        Until it is stopped; `Limit.extend` moves it.
    samples : list
        Filled while the context is open.
    what : str
        Named in the message.

    Raises
    ------
    MeasurementTimeout
        If the time is up. Any other error passes through as it is, with ``samples`` and a note.

    Examples
    --------
    >>> def stuck():
    ...     while True:
    ...         pass
    >>> with time_limit(0.01, [], "stuck") as limit:
    ...     limit.run(stuck)
    Traceback (most recent call last):
    ...
    course_lib.metering.limits.MeasurementTimeout: stuck was stopped after 0.01 s ...
    """
    limit = _limit(seconds)
    try:
        with limit:
            yield limit
    except limit.overdue as error:
        late = MeasurementTimeout(
            f"{what} was stopped after {limit.seconds:g} s with {_number(samples)} taken. If it "
            "needs longer, give limit_seconds; if it may never return, look where it was stopped"
        )
        late.samples = tuple(samples)
        raise late from error
    except BaseException as error:
        if not hasattr(error, "samples"):
            with suppress(Exception):  # an error can refuse new attributes
                error.samples = tuple(samples)
        error.add_note(f"{_number(samples)} had been taken before this (see .samples)")
        raise


def _number(samples: list) -> str:
    return f"{len(samples)} sample{'' if len(samples) == 1 else 's'}"
