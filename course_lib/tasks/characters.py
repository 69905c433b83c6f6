"""A small transformer reads a lexicon's text by character, once: a surface with a known floor.

Loss against parameters and tokens, as in the studies of large language models (Kaplan et al., 2020;
Hoffmann et al., 2022), on a text whose entropy is known exactly (`course_lib.tasks.lexicon`). How
the loss comes down to it is not known: that is what is fitted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

from course_lib.devices import pick
from course_lib.models import Transformer
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_seeds, generator_of
from course_lib.tasks.lexicon import Lexicon, lexicon, preceding
from course_lib.tasks.trained import TEST_SEED, rows_of
from course_lib.training import train_many

WORDS, LETTERS, LONGEST = 2000, 12, 5
LAYERS, HEADS, CONTEXT, ROWS = 2, 2, 16, 64
LEARNING_RATE = 0.32  # over the width (Yang et al., 2021): .04 for 8 channels, .005 for 64
WARM_UP = 0.05  # of all steps
USUAL_WIDTH = 768  # for which the model's own deviation of the first weights is meant
TEST_ROWS = 4096


@cache
def language() -> Lexicon:
    """The lexicon of this task.

    >>> round(language().entropy, 3), round(language().window_entropy(CONTEXT), 3)
    (1.219, 1.304)
    """
    return lexicon(WORDS, LETTERS, longest=LONGEST)


def transformer(width: int) -> Transformer:
    """The model: two layers with two heads, weights for a width as small as this.

    >>> sum(p.numel() for p in transformer(16).parameters())
    7056
    """
    model = Transformer(1 + LETTERS, width, LAYERS, HEADS, CONTEXT)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter *= (USUAL_WIDTH / width) ** 0.5
    return model


def run(
    width: int, tokens: int, seeds: Sequence[int] = (0,), device: Any = None
) -> list[dict[str, Any]]:
    """One row for each seed: a transformer of that width after so many tokens, each new.

    The loss is the entropy plus what the model loses more than the true probabilities on the same
    new text, of 65,536 characters: what is hard in that text by chance drops out.

    >>> run(width=8, tokens=2048, device="cpu")[0].keys()
    dict_keys(['loss', 'parameters', 'training_flop', 'seconds'])
    """
    check_integers(1, width=width, tokens=tokens)
    check_seeds(seeds)
    if tokens % (ROWS * CONTEXT):
        raise ValueError(f"tokens is {tokens}; allowed are multiples of {ROWS * CONTEXT}, a batch")
    device, text = pick(device), language()
    irreducible = text.window_entropy(CONTEXT)
    drawn = text.draw(TEST_ROWS, CONTEXT, generator_of(TEST_SEED))
    characters, surprisal = (part.to(device) for part in drawn)

    def evaluate(model: torch.nn.Module) -> float:
        beyond = cross_entropy(model(preceding(characters)), characters) - surprisal.mean()
        return irreducible + beyond.item()

    trainings = train_many(
        lambda: transformer(width), text.batches(ROWS, CONTEXT), cross_entropy, seeds,
        learning_rate=LEARNING_RATE / width, schedule=_warm_up_and_cosine,
        steps=tokens // (ROWS * CONTEXT), evaluate=evaluate, device=device, progress=False,
    )  # fmt: skip
    return rows_of(trainings, "loss")


def cross_entropy(logits: torch.Tensor, characters: torch.Tensor) -> torch.Tensor:
    """Mean over all characters, nats; logits have the shape (rows, time, alphabet)."""
    return F.cross_entropy(logits.flatten(0, 1), characters.flatten())


def truth(**_: Any) -> dict[str, Any]:
    """What is known of a setting: the irreducible loss.

    >>> round(truth()["irreducible"], 3)
    1.304
    """
    return {
        "form": "y falls with width and tokens to the irreducible loss, the text's exact entropy",
        "irreducible": language().window_entropy(CONTEXT),
    }


def _warm_up_and_cosine(share: float) -> float:
    return min(1.0, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2
