"""Small models, each readable in one screen, on which the chapters build.

Each is an ordinary `nn.Module` that also says by formula what it holds and does:
``model.closed_form(batch=32)`` is a `course_lib.closed_form.Layer`, and `course_lib.count` finds
the same. Models of sequences take ``time`` as well. Nothing is drawn at random but the weights.
`LIF` alone has no weights: it is a neuron in time, and it is simulated.
"""

from course_lib.models.activations import ACTIVATIONS
from course_lib.models.adaline import Adaline
from course_lib.models.attention import SelfAttention
from course_lib.models.cnn import CNN
from course_lib.models.lif import LIF, Spikes
from course_lib.models.lstm import CharacterLSTM
from course_lib.models.mlp import MLP
from course_lib.models.neuron import Neuron
from course_lib.models.perceptron import Perceptron
from course_lib.models.transformer import Transformer

__all__ = [
    "ACTIVATIONS",
    "CNN",
    "LIF",
    "MLP",
    "Adaline",
    "CharacterLSTM",
    "Neuron",
    "Perceptron",
    "SelfAttention",
    "Spikes",
    "Transformer",
]
