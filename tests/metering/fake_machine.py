"""A machine that is told how long its work takes, and series of timings with a known truth."""

import math

import numpy as np

MIB = 2**20


class Machine:
    """Clocks that move only when a task runs."""

    watts = 30.0

    def __init__(self):
        self.wall, self.cpu, self.waited, self.joules, self.calls = 100.0, 50.0, 0.0, 1e6, 0
        self.switches = 0

    def perf_counter(self):
        return self.wall

    def process_time(self):
        return self.cpu

    def thread_time(self):
        return self.cpu

    def clock_gettime(self, clock):
        return 0.0

    def task(self, seconds, cpu=None, waits=0.0, switches=0):
        """Something to call; each may be a number, or a function of the number of the call."""

        def at(value):
            return value(self.calls) if callable(value) else value

        def run():
            took = at(seconds)
            self.wall += took
            self.cpu += took if cpu is None else at(cpu)
            self.waited += at(waits)
            self.switches += at(switches)
            self.joules += self.watts * took
            self.calls += 1

        return run


def ends(estimate):
    return estimate.value, estimate.low, estimate.high


def autoregressive(rng, size, memory_of_the_last):
    """Standard normal values, each like the one before it."""
    noise = rng.standard_normal(size) * math.sqrt(1 - memory_of_the_last**2)
    series = np.empty(size)
    series[0] = rng.standard_normal()
    for i in range(1, size):
        series[i] = memory_of_the_last * series[i - 1] + noise[i]
    return series
