"""Laws that are known, the data they make, and the 240 runs of the Chinchilla study."""

import warnings
from contextlib import contextmanager

import numpy as np

from course_lib import facts
from course_lib.scaling import NotIdentified

# x, E, A, exponent, direction
WELL_POSED = (np.geomspace(1, 1000, 15), 1.5, 4.0, -0.5, "falls")
OVERHEAD = (np.geomspace(16, 512, 12), 3e-6, 1e-9, 2.2, "grows")


def curve(x, truth):
    """The law of such a truth at x."""
    _, floor, scale, exponent, _ = truth
    return floor + scale * x**exponent


def noisy(truth, seed, noise=0.02):
    """One run at each x of a truth."""
    rng = np.random.default_rng(seed)
    return curve(truth[0], truth) * np.exp(noise * rng.standard_normal(len(truth[0])))


@contextmanager
def unsure():
    """Where a parameter may or may not be identified and the test asks for something else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotIdentified)
        yield


def ends(forecast):
    """Half-widths of a forecast in the logarithm, down and up."""
    return np.log([forecast.median / forecast.low, forecast.high / forecast.median])


def grid(n, d):
    """Each of the sizes with each of the token counts, as two series."""
    n, d = np.meshgrid(n, d)
    return n.ravel(), d.ravel()


def surface(n, d, floor, a, alpha, b, beta, softness=1.0):
    """The loss of n parameters and d tokens."""
    terms = (a * n**-alpha) ** (1 / softness) + (b * d**-beta) ** (1 / softness)
    return floor + terms**softness


def chinchilla_runs():
    """Parameters, tokens and losses of the 240 runs: all but the five highest losses."""
    table = facts("chinchilla_runs")
    columns = ("params", "training_flop", "loss_nats")
    n, flop, loss = (table[name].to_numpy(float) for name in columns)
    kept = loss < np.sort(loss)[-5]
    return n[kept], (flop / (6 * n))[kept], loss[kept]
