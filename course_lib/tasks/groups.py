"""Two groups of people, two classes, and a gap between the groups' errors that is planted.

In group g = A, B the features of the classes y = -1, +1 are ``x ~ N(y m_g, I)``: round clouds whose
middles lie ``separation_g`` apart, in a direction of the group's own. Both classes are as frequent.
All is known in closed form. Whoever knows the group errs with the probability

    Phi(-separation_g / 2)                                                (Bayes, of group g),

so that unequal separations plant a gap that no amount of data removes. A linear classifier
``sign(w x + b)``, the same for all, errs in group g with the mean over both classes of

    Phi(-(m_g w + y b) / length(w)),

so that directions which differ plant a second gap, which is decided by who is in the sample: the
minority pays. (Fisher, 1936, for the classifier; Phi is the normal distribution function.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import torch

from course_lib.devices import pick
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_number, check_seeds, generator_of


@dataclass(frozen=True)
class TwoGroups:
    """A population of two groups.

    Parameters
    ----------
    share : float
        Of group B among all, above 0 and below 1.
    separations : pair of float
        Distance between the middles of the classes in groups A and B, in standard deviations of
        the features around them; above 0.
    degrees : float
        Angle between the two groups' directions, 0 to 180.
    dimensions : int
        Features, 2 or more. The directions lie in the first two; the others are noise.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    See chapter 11 of the book.

    Examples
    --------
    >>> people = TwoGroups(share=0.1, separations=(3.0, 2.0), degrees=60.0)
    >>> a, b = people.bayes_errors
    >>> round(a, 4), round(b, 4), round(people.bayes_gap, 4)
    (0.0668, 0.1587, 0.0918)
    >>> people.errors(people.limit())  # of least squares on endlessly many, a tenth of them B
    tensor([0.0686, 0.2703])
    """

    share: float = 0.1
    separations: tuple[float, float] = (3.0, 2.0)
    degrees: float = 60.0
    dimensions: int = 8

    def __post_init__(self) -> None:
        check_number("share", self.share, 0, 1, "()")
        if not isinstance(self.separations, tuple | list) or len(self.separations) != 2:
            raise ValueError(f"separations is {self.separations!r}; allowed are two numbers")
        for separation in self.separations:
            check_number("separations", separation, 0, 100, "(]")
        check_number("degrees", self.degrees, 0, 180)
        check_integers(2, dimensions=self.dimensions)

    @property
    def middles(self) -> torch.Tensor:
        """Middle of class +1 in each group, shape (2, dimensions); of class -1 it is the negative.

        >>> TwoGroups(separations=(2.0, 4.0), degrees=90.0, dimensions=3).middles.round() + 0
        tensor([[1., 0., 0.],
                [0., 2., 0.]])
        """
        angle = radians(self.degrees)
        directions = torch.zeros(2, self.dimensions)
        directions[0, 0], directions[1, 0], directions[1, 1] = 1.0, cos(angle), sin(angle)
        return directions * torch.tensor(self.separations)[:, None] / 2

    @property
    def bayes_errors(self) -> tuple[float, float]:
        """The least error probabilities in groups A and B, for who knows the group."""
        a, b = torch.special.ndtr(-torch.tensor(self.separations, dtype=torch.float64) / 2).tolist()
        return a, b

    @property
    def bayes_gap(self) -> float:
        """Group B's least error less group A's: what no data and no model take away."""
        a, b = self.bayes_errors
        return b - a

    def draw(
        self, samples: int, seed: int = 0, device: Any = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A sample of people.

        Parameters
        ----------
        samples : int
            How many; each is of group B with the probability ``share``.
        seed : int
            The same seed gives the same people, on every device.
        device : str or torch.device, optional
            Where the tensors go; see `course_lib.devices.pick`.

        Returns
        -------
        features : torch.Tensor
            Shape (samples, dimensions), float32.
        classes, groups : torch.Tensor
            Shape (samples,), int64: class 0 (for y = -1) or 1; group 0 (A) or 1 (B).
        """
        check_integers(1, samples=samples)
        device, generator = pick(device), generator_of(seed)
        groups = (torch.rand(samples, generator=generator) < self.share).long()
        classes = torch.randint(2, (samples,), generator=generator)
        noise = torch.randn(samples, self.dimensions, generator=generator)
        features = self.middles[groups] * (2 * classes - 1)[:, None] + noise
        return features.to(device), classes.to(device), groups.to(device)

    def errors(self, weights: torch.Tensor, bias: torch.Tensor | float = 0.0) -> torch.Tensor:
        """Exact error probabilities in groups A and B of linear classifiers ``sign(w x + b)``.

        Parameters
        ----------
        weights : torch.Tensor
            Shape (..., dimensions).
        bias : torch.Tensor or float
            Shape (...).

        Returns
        -------
        torch.Tensor
            Shape (..., 2), float32.
        """
        if weights.shape[-1:] != (self.dimensions,):
            shape = tuple(weights.shape)
            raise ValueError(f"weights has the shape {shape}; allowed is (..., {self.dimensions})")
        length = weights.norm(dim=-1)[..., None]
        bias = torch.as_tensor(bias, dtype=weights.dtype, device=weights.device)[..., None]
        margin = weights @ self.middles.to(weights).T  # (..., 2)
        each = [torch.special.ndtr(-(margin + y * bias) / length) for y in (-1, 1)]
        return (each[0] + each[1]) / 2

    def limit(self) -> torch.Tensor:
        """Weights that least squares tends to with ever more people, shape (dimensions,).

        ``(I + sum_g share_g m_g m_g^T)^-1 sum_g share_g m_g``; the bias tends to 0.
        """
        shares = torch.tensor([1 - self.share, self.share], dtype=torch.float32)
        second = torch.eye(self.dimensions) + self.middles.T @ (shares[:, None] * self.middles)
        return torch.linalg.solve(second, shares @ self.middles)


def least_squares(
    features: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and bias of the linear classifier whose squared error on the classes is least.

    Features have the shape (..., samples, dimensions), classes (..., samples) the values 0 and 1.

    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> least_squares(x, torch.tensor([0, 0, 1, 1]))
    (tensor([0.8000]), tensor(-1.2000))
    """
    samples, dimensions = features.shape[-2:]
    if samples <= dimensions:
        raise ValueError(
            f"features holds {samples} samples of {dimensions} numbers; allowed are more samples"
        )
    mean = features.mean(-2, keepdim=True)
    y = 2.0 * classes.to(features.dtype) - 1
    centred = features - mean
    products = centred.mT @ (y - y.mean(-1, keepdim=True))[..., None]
    weights = torch.linalg.solve(centred.mT @ centred, products)[..., 0]
    return weights, y.mean(-1) - (mean[..., 0, :] * weights).sum(-1)


def run(
    share: float,
    samples: int,
    seeds: Sequence[int] = (0,),
    device: Any = None,
    **population: Any,
) -> list[dict[str, Any]]:
    """One row for each seed: errors of least squares on a sample in which B has that share.

    >>> row = run(share=0.1, samples=1000, device="cpu")[0]
    >>> row["error_b"] > row["error_a"]
    True
    """
    check_seeds(seeds)
    people = TwoGroups(share=share, **population)
    drawn = [people.draw(samples, seed, device)[:2] for seed in seeds]
    features, classes = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    weights, bias = least_squares(features, classes)
    errors = people.errors(weights.cpu(), bias.cpu()).tolist()
    return [
        {
            "error": (1 - share) * a + share * b,
            "error_a": a,
            "error_b": b,
            "parameters": people.dimensions + 1,
        }
        for a, b in errors
    ]


def truth(share: float, **population: Any) -> dict[str, Any]:
    """What is known of a setting: the errors with endless data, and the least of all.

    >>> known = truth(share=0.5)
    >>> known["irreducible_b"] > known["bayes_b"]
    True
    """
    known = {name: value for name, value in population.items() if name != "samples"}
    people = TwoGroups(share=share, **known)
    (a, b), (bayes_a, bayes_b) = people.errors(people.limit()).tolist(), people.bayes_errors
    return {
        "form": "the mean over seeds of y - irreducible falls as 1 / samples, for many samples",
        "irreducible": (1 - share) * a + share * b,
        "irreducible_a": a,
        "irreducible_b": b,
        "bayes_a": bayes_a,
        "bayes_b": bayes_b,
        "exponent": -1.0,
    }
