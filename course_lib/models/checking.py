"""What the models ask of their arguments, and how they say so."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def check_integers(least: int, **arguments: int) -> None:
    """Raise unless every argument is an integer of at least ``least``.

    >>> check_integers(1, width=64, heads=0)
    Traceback (most recent call last):
    ValueError: heads is 0; allowed are integers of at least 1
    """
    for name, value in arguments.items():
        says = f"{name} is {value!r}; allowed are integers of at least {least}"
        if type(value) is not int:
            raise TypeError(f"{says}, not {type(value).__name__}")
        if value < least:
            raise ValueError(says)


def check_lists(least: int, **arguments: Sequence[int]) -> None:
    """Raise unless every argument is a list or tuple of integers of at least ``least``.

    >>> check_lists(1, widths=[784, 0, 10])
    Traceback (most recent call last):
    ValueError: widths[1] is 0; allowed are integers of at least 1
    """
    for name, values in arguments.items():
        if not isinstance(values, list | tuple):
            kind = type(values).__name__
            raise TypeError(f"{name} is {values!r}; allowed is a list of integers, not {kind}")
        check_integers(least, **{f"{name}[{i}]": value for i, value in enumerate(values)})


def check_divides(width: int, heads: int) -> None:
    """Raise unless the heads of attention can share the width evenly.

    >>> check_divides(width=64, heads=3)
    Traceback (most recent call last):
    ValueError: heads is 3 and width is 64; allowed are heads that divide the width
    """
    if width % heads:
        raise ValueError(
            f"heads is {heads} and width is {width}; allowed are heads that divide the width"
        )


def check_shape(name: str, tensor: torch.Tensor, *axes: str | int) -> None:
    """Raise unless a tensor has these axes: a number is a size, a word any size.

    The word ``"..."`` in front stands for any number of axes.

    >>> check_shape("x", torch.zeros(2, 5), "batch", 3)
    Traceback (most recent call last):
    ValueError: x has the shape (2, 5); allowed is (batch, 3)
    """
    found, named = tuple(tensor.shape), axes
    if axes[0] == "...":
        named = axes[1:]
        found = found[-len(named) :]
    if len(found) != len(named) or any(
        size != axis for size, axis in zip(found, named, strict=True) if isinstance(axis, int)
    ):
        allowed = ", ".join(map(str, axes)) + "," * (len(axes) == 1)
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)}; allowed is ({allowed})")


def check_tokens(tokens: torch.Tensor) -> None:
    """Raise unless a tensor holds token numbers, shape (batch, time).

    >>> check_tokens(torch.zeros(2, 5))
    Traceback (most recent call last):
    TypeError: tokens holds torch.float32; allowed are torch.int64 and torch.int32
    """
    if tokens.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"tokens holds {tokens.dtype}; allowed are torch.int64 and torch.int32")
    check_shape("tokens", tokens, "batch", "time")
