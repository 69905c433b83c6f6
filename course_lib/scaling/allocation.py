"""`optimal_allocation`: how a training compute is best divided between parameters and tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FLOP_PER_PARAMETER_AND_TOKEN = 6  # the rule of thumb of Kaplan et al. (2020, section 2.1)


class Allocation(NamedTuple):
    """How a training compute is best spent."""

    parameters: float
    tokens: float


Allocation.parameters.__doc__ = "Of the model."
Allocation.tokens.__doc__ = "That it reads."


def optimal_allocation(
    flop: float | np.ndarray,
    A: float | np.ndarray,
    alpha: float | np.ndarray,
    B: float | np.ndarray,
    beta: float | np.ndarray,
    E: float | np.ndarray = 0.0,
    softness: float | np.ndarray = 1.0,
) -> Allocation:
    """Parameters and tokens that reach the lowest loss with 6 N D = flop, of one law or of many.

    Parameters
    ----------
    flop : float or array
        Training compute in FLOP.
    A, alpha, B, beta, E, softness : float or array
        Of laws, for example the columns of `ChinchillaLaw.bootstrap`; E does not matter.

    Returns
    -------
    Allocation
        Of arrays, where arrays were given.

    Notes
    -----
    At the optimum alpha times the term of N equals beta times the term of D, each to the power 1/g
    (Hoffmann et al., 2022, eq. 4). See chapter 8.

    Examples
    --------
    >>> best = optimal_allocation(6e20, A=400, alpha=0.34, B=400, beta=0.34)
    >>> f"{best.parameters:.3g} {best.tokens:.3g}"
    '1e+10 1e+10'
    """
    log_product = np.log(np.asarray(flop, dtype=float) / FLOP_PER_PARAMETER_AND_TOKEN)
    log_ratio = np.log(A) - np.log(B) + softness * np.log(alpha / beta)
    log_n = (log_ratio + beta * log_product) / (alpha + beta)
    return Allocation(np.exp(log_n), np.exp(log_product - log_n))
