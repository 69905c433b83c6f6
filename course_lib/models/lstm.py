"""A recurrent network that reads one character after the other."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.closed_form import Layer, embedding, linear, recurrent
from course_lib.models.checking import check_integers, check_tokens


class CharacterLSTM(nn.Module):
    """Predicts each next token from a state that sums up what came before.

    With vocabulary V, width d and L layers it holds ``V d + L (8 d^2 + 8 d) + V d + V``
    parameters. Forward: ``8 L d^2 + V d`` MACs a token, however long the text. Training: three
    times the forward FLOP, less ``8 L d^2`` FLOP a sequence, because the state before the first
    token needs no gradient.

    Parameters
    ----------
    vocabulary : int
        How many tokens there are: characters, bytes or words.
    width : int
        Channels of a token, and of the state of each layer.
    layers : int
        Recurrent layers, one on top of the other.

    Raises
    ------
    ValueError
        If a number is below 1, or ``tokens`` has another shape.
    TypeError
        If a number or the ``tokens`` are no integers.

    Notes
    -----
    Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins
    (2000), which PyTorch has too. See chapter 2 of the book.

    Examples
    --------
    >>> from course_lib import count
    >>> model = CharacterLSTM(vocabulary=50, width=32, layers=2)
    >>> work = count(model, torch.zeros(5, 16, dtype=torch.long))
    >>> V, d, L, tokens = 50, 32, 2, 5 * 16
    >>> parameters = V * d + L * (8 * d**2 + 8 * d) + V * d + V
    >>> work.parameters == parameters == model.closed_form(time=16).parameters
    True
    >>> macs = tokens * (8 * L * d**2 + V * d)
    >>> work.forward_macs == macs == model.closed_form(time=16, batch=5).macs
    True
    >>> work.training_flop == 3 * work.forward_flop - 5 * 8 * L * d**2
    True
    """

    def __init__(self, vocabulary: int, width: int, layers: int = 1) -> None:
        super().__init__()
        check_integers(1, vocabulary=vocabulary, width=width, layers=layers)
        self.vocabulary, self.width, self.layers = vocabulary, width, layers
        self.tokens = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of each next token, shape (batch, time, vocabulary); ``tokens``: (batch, time)."""
        check_tokens(tokens)
        states, _ = self.lstm(self.tokens(tokens))  # (batch, time, width)
        return self.head(states)  # (batch, time, vocabulary)

    def closed_form(self, time: int, batch: int = 1) -> Layer:
        """Parameters, and MACs of ``batch`` sequences of ``time`` tokens, by formula."""
        table = embedding(self.vocabulary, self.width)
        state = recurrent(self.width, self.width, self.layers, time, batch, gates=4)
        return table + state + linear(self.width, self.vocabulary, rows=batch * time)
