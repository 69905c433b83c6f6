"""Memorising a stream whose items follow Zipf's law: a power law that is known exactly.

Item ``i`` = 1, 2, 3, ... comes with probability ``p_i = i^-(1 + a) / zeta(1 + a)``, for ever new
items, each with a label of its own. A learner that remembers what it has seen errs on the rest:
after ``n`` items it is expected to err with probability (Hutter, 2021, "Learning curve theory",
section 4)

    E(n) = sum_i p_i (1 - p_i)^n,   which tends to   A n^-b   with   b = a / (1 + a).

The items have no end, and rare ones matter: half the error may lie beyond the millionth. So nothing
is cut off here. The sum's tail is an integral in closed form, and the stream is drawn from all
items that fit 63 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import special

from course_lib.devices import pick
from course_lib.models.checking import check_integers, check_lists
from course_lib.tasks.checking import check_number, check_seeds

HEAD = 2**16  # terms that are summed one by one; the rest is an integral
LEAST, MOST = 0.25, 8.0  # a: below, items beyond 63 bits matter; above, hardly any but the first


def exponent(a: float) -> float:
    """The true slope of the error on log axes, ``-a / (1 + a)``.

    >>> exponent(1.0)
    -0.5
    """
    _check(a)
    return -a / (1 + a)


def amplitude(a: float) -> float:
    """The true factor A in front of the power law that the expected error tends to.

    ``A = Gamma(b) zeta(1 + a)^(-1 / (1 + a)) / (1 + a)``: the sum as an integral over p.

    >>> round(amplitude(1.0), 4)
    0.691
    """
    _check(a)
    b = a / (1 + a)
    return float(special.gamma(b) * special.zeta(1 + a) ** (b - 1) / (1 + a))


def expected_error(samples: float | Sequence[float] | np.ndarray, a: float = 1.0) -> np.ndarray:
    """Probability that a learner errs on the next item, expected over streams.

    Parameters
    ----------
    samples : number or array
        Items seen so far, 0 or more.
    a : float
        Of Zipf's law, .25 to 8: the larger, the fewer items make up the stream.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``samples``, float64, exact to about 1e-9 of the value.

    Raises
    ------
    ValueError
        If ``a`` is out of range or a number of samples is below 0.

    Notes
    -----
    Hutter (2021), equation for E(n) in section 4. Items beyond the first 65,536 are an integral
    (the midpoint rule), which is an incomplete beta function. See chapter 8 of the book.

    Examples
    --------
    >>> expected_error([0, 100, 10_000]).round(5)
    array([1.     , 0.06884, 0.00691])
    >>> round(float(expected_error(1e9) / (amplitude(1.0) * 1e9 ** exponent(1.0))), 4)
    1.0
    """
    _check(a)
    counts = np.asarray(samples, dtype=float)
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"samples is {samples!r}; allowed are numbers of at least 0")
    total, b = special.zeta(1 + a), a / (1 + a)
    p = np.arange(1.0, HEAD + 1) ** -(1 + a) / total  # (items,)
    missed = np.log1p(-p)
    head = np.array([p @ np.exp(n * missed) for n in counts.flat]).reshape(counts.shape)
    last = (HEAD + 0.5) ** -(1 + a) / total
    tail = special.beta(b, counts + 1) * special.betainc(b, counts + 1, last)
    return head + tail * total ** (b - 1) / (1 + a)


def stream(samples: int, a: float = 1.0, seed: int = 0, device: Any = None) -> torch.Tensor:
    """A stream of items, drawn independently.

    Parameters
    ----------
    samples : int
        How many.
    a : float
        Of Zipf's law, .25 to 8.
    seed : int
        The same seed gives the same stream, on every device.
    device : str or torch.device, optional
        Where the tensor goes; see `course_lib.devices.pick`.

    Returns
    -------
    torch.Tensor
        Shape (samples,), int64: numbers of the items, 1 for the most frequent.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    Devroye's rejection method (1986, chapter X.6), as in NumPy: no item is left out but those
    beyond 63 bits. See chapter 8 of the book.

    Examples
    --------
    >>> items = stream(100_000, seed=1, device="cpu")
    >>> round((items == 1).float().mean().item(), 2), round(6 / torch.pi**2, 2)
    (0.61, 0.61)
    """
    check_integers(1, samples=samples)
    check_integers(0, seed=seed)
    return torch.from_numpy(_draw(samples, a, seed)).to(pick(device))


def simulated_error(
    samples: Sequence[int], a: float = 1.0, seeds: Sequence[int] = (0,)
) -> np.ndarray:
    """Probability that a learner errs on the next item, after each of many streams.

    Parameters
    ----------
    samples : sequence of int
        Lengths of streams. Each length has a stream of its own, so that errors are independent.
    a : float
        Of Zipf's law, .25 to 8.
    seeds : sequence of int
        One learner each.

    Returns
    -------
    numpy.ndarray
        Shape (seeds, lengths), float64: one less the probability of all items that were seen, so
        no noise of a test set is in it.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    See chapters 8 and 10 of the book.

    Examples
    --------
    >>> errors = simulated_error([100, 1000], seeds=range(50))
    >>> bool(abs(errors.mean(0) / expected_error([100, 1000]) - 1).max() < 0.1)
    True
    """
    _check(a)
    samples = list(samples)
    check_lists(1, samples=samples)
    check_seeds(seeds)
    total = special.zeta(1 + a)
    errors = np.empty((len(seeds), len(samples)))
    for row, seed in zip(errors, seeds, strict=True):
        for column, length in enumerate(samples):
            seen = np.unique(_draw(length, a, seed)).astype(float)
            row[column] = 1 - np.sum(seen ** -(1 + a)) / total
    return errors


def run(
    a: float, samples: int, seeds: Sequence[int] = (0,), device: Any = None
) -> list[dict[str, Any]]:
    """One row for each seed; memorising is counting, done on the CPU whatever the device.

    >>> run(a=1.0, samples=100)[0].keys()
    dict_keys(['error'])
    """
    check_integers(1, samples=samples)
    pick(device)
    return [{"error": float(error)} for error in simulated_error([samples], a, seeds)[:, 0]]


def truth(a: float, **_: Any) -> dict[str, Any]:
    """What is known of a setting: all of it.

    >>> truth(a=1.0)["exponent"]
    -0.5
    """
    return {
        "form": "y = A x^exponent for many samples, exactly",
        "irreducible": 0.0,
        "exponent": exponent(a),
        "amplitude": amplitude(a),
    }


def _draw(samples: int, a: float, seed: int) -> np.ndarray:
    """The stream of a seed and length."""
    _check(a)
    return np.random.default_rng([seed, samples]).zipf(1 + a, samples)


def _check(a: float) -> None:
    check_number("a", a, LEAST, MOST)
