"""`rule_of_thumb`: what 6ND and its better form say of a model's training, beside the count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_lib.closed_form import training_rule
from course_lib.counting.counter import count

_BETWEEN_ACTIVATIONS = ("aten.bmm", "aten.baddbmm")  # products of a batch of matrices


@dataclass(frozen=True)
class RuleOfThumb:
    """Training FLOP by rules of thumb, and counted.

    Attributes
    ----------
    tokens : int
        D, on which the rules are applied.
    parameters, non_embedding_parameters, multiplying_parameters : int
        N of three definitions: all; without the tables that are looked up and a head that shares
        one (Kaplan et al., 2020); without the tables, with the head.
    six_nd_flop, non_embedding_flop, better_flop : int
        6ND with all parameters; 6ND with the non-embedding ones; and six a multiplying parameter
        plus attention, 12 L T d a token (Chowdhery et al., 2023, appendix B).
    counted_flop : int
        From the count.
    """

    tokens: int
    parameters: int
    non_embedding_parameters: int
    multiplying_parameters: int
    six_nd_flop: int
    non_embedding_flop: int
    better_flop: int
    counted_flop: int

    @property
    def errors(self) -> dict[str, float]:
        """How far each rule lies from the count, as a share of it (-0.4: forty percent low)."""
        rules = {
            "6ND": self.six_nd_flop,
            "6ND, non-embedding": self.non_embedding_flop,
            "6(N + Vd)D + 12LTdD": self.better_flop,
        }
        return {name: flop / self.counted_flop - 1 for name, flop in rules.items()}


def rule_of_thumb(
    model: nn.Module, *example_inputs: Any, tokens: int | None = None, **kwargs: Any
) -> RuleOfThumb:
    """Training FLOP by 6ND, in two definitions of N, and by its better form, beside the count.

    Parameters
    ----------
    model, *example_inputs, **kwargs
        As for `count`.
    tokens : int, optional
        Tokens (or examples) in the inputs. Default: numbers in the first input if they are
        whole (a batch of token indices), else its rows.

    Returns
    -------
    RuleOfThumb

    Raises
    ------
    ValueError
        If ``tokens`` is not given and there is no tensor among the inputs; or as `count`.

    Notes
    -----
    Attention is taken from the count: the products of activations with each other, which belong
    to no parameter. See chapter 6.

    Examples
    --------
    >>> import torch
    >>> table, head = torch.nn.Embedding(1000, 8), torch.nn.Linear(8, 1000, bias=False)
    >>> rule = rule_of_thumb(torch.nn.Sequential(table, head), torch.zeros(4, 16, dtype=int))
    >>> {name: round(error, 2) for name, error in rule.errors.items()}
    {'6ND': 1.0, '6ND, non-embedding': 0.0, '6(N + Vd)D + 12LTdD': 0.0}
    """
    work = count(model, *example_inputs, **kwargs)
    if tokens is None:
        tokens = _tokens([*example_inputs, *kwargs.values()])
    if tokens < 1:
        raise ValueError(f"tokens is {tokens}; it must be at least 1")
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    multiplying = {
        id(parameter): parameter.numel()
        for module in model.modules()
        if not isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    shared = {id(table): 0 for table in tables if id(table) in multiplying}
    non_embedding = sum((multiplying | shared).values())
    attention = sum(macs for name, macs in work.by_operator.items() if name in _BETWEEN_ACTIVATIONS)
    return RuleOfThumb(
        tokens=tokens,
        parameters=work.parameters,
        non_embedding_parameters=non_embedding,
        multiplying_parameters=sum(multiplying.values()),
        six_nd_flop=training_rule(work.parameters, tokens),
        non_embedding_flop=training_rule(non_embedding, tokens),
        better_flop=training_rule(sum(multiplying.values()), tokens) + 6 * attention,
        counted_flop=work.training_flop,
    )


def _tokens(inputs: list[Any]) -> int:
    for value in inputs:
        if isinstance(value, torch.Tensor):
            return value.numel() if not value.is_floating_point() else value.shape[:-1].numel()
    raise ValueError("there is no tensor among the inputs: say how many tokens, tokens=...")
