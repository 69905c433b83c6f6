"""Text whose entropy is known exactly: words drawn independently from a Zipf lexicon.

A lexicon is a list of distinct random words, the word of rank r with probability proportional to
``r^-s`` (Zipf, 1935). A text is words drawn one after the other, each ended by a space. As words
are distinct and none holds a space, a text tells its words, and no model can do better than

    H = entropy of a word / mean number of its characters, space included   (nats a character)

(Shannon, 1948: the entropy of a source is that of its symbols over their mean length). A model of
characters that reads from the start of a word and sees T of them has a bound of its own,
`Lexicon.window_entropy`, also exact: its first characters tell less of what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from course_lib.devices import pick
from course_lib.models.checking import check_integers
from course_lib.tasks.checking import check_number, generator_of

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Lexicon:
    """Words and their probabilities; made by `lexicon`.

    Attributes
    ----------
    alphabet : str
        The space, number 0, then the letters.
    words : tuple of str
        From the most frequent to the rarest.
    probabilities : numpy.ndarray
        Of the words, float64.
    """

    alphabet: str
    words: tuple[str, ...]
    probabilities: np.ndarray
    _characters: torch.Tensor = field(repr=False)  # (words, longest + 1), int64
    _surprisal: torch.Tensor = field(repr=False)  # of each character given those before it
    _lengths: torch.Tensor = field(repr=False)  # (words,), the space included

    @property
    def entropy(self) -> float:
        """Nats a character of an endless text: the irreducible loss of a long context."""
        word = -self.probabilities @ np.log(self.probabilities)
        return float(word / (self.probabilities @ self._lengths.numpy()))

    def window_entropy(self, time: int) -> float:
        """Nats a character, the mean over the first ``time`` characters from the start of a word.

        The irreducible loss of a model whose context is ``time``, on what `draw` gives. A word
        starts at place t with the probability that words ended before, a renewal process; the k-th
        character of a word has a mean surprisal; their convolution is the surprisal at a place.
        """
        check_integers(1, time=time)
        longest = self._characters.shape[1]
        surprisal = self.probabilities @ self._surprisal.double().numpy()  # (longest,), by place
        ends = np.bincount(self._lengths.numpy(), self.probabilities, longest + 1)
        starts = np.zeros(time)
        starts[0] = 1.0
        for place in range(1, time):
            back = min(place, longest)
            starts[place] = ends[1 : back + 1] @ starts[place - back : place][::-1]
        return float(np.convolve(starts, surprisal)[:time].mean())

    def draw(
        self, rows: int, time: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Texts that start with a word and end anywhere.

        Parameters
        ----------
        rows, time : int
            How many texts, of how many characters.
        generator : torch.Generator
            Draws the words, on its device.

        Returns
        -------
        characters : torch.Tensor
            Shape (rows, time), int64: places in the alphabet.
        surprisal : torch.Tensor
            The same shape, float32, nats: minus the logarithm of each character's true probability
            given those before it, which is what the best of all models loses.
        """
        check_integers(1, rows=rows, time=time)
        device = generator.device
        weights = torch.from_numpy(self.probabilities).float().to(device)
        words = -(-time // int(self._lengths.min()))  # enough, were all of them short
        drawn = torch.multinomial(weights, rows * words, replacement=True, generator=generator)
        drawn = drawn.view(rows, words)
        lengths = self._lengths.to(device)[drawn]  # (rows, words)
        starts = lengths.cumsum(1) - lengths
        letters = torch.arange(self._characters.shape[1], device=device)
        places = starts[..., None] + letters  # (rows, words, longest)
        outside = (letters >= lengths[..., None]) | (places >= time)
        places = places.masked_fill(outside, time).flatten(1)  # one column too many, cut off below
        written = []
        for table in (self._characters, self._surprisal):
            text = torch.zeros(rows, time + 1, dtype=table.dtype, device=device)
            written.append(text.scatter_(1, places, table.to(device)[drawn].flatten(1))[:, :time])
        return written[0], written[1]

    def text(self, characters: int, seed: int = 0, device: Any = None) -> torch.Tensor:
        """One text of so many characters, int64, shape (characters,); the same on every device."""
        return self.draw(1, characters, generator_of(seed))[0][0].to(pick(device))

    def batches(self, rows: int, time: int) -> Callable[[int, torch.Generator], tuple]:
        """A function ``batches(step, generator)`` for `course_lib.training.train`.

        Each call gives new ``inputs`` and ``targets``, both (rows, time): a space and all
        characters but the last, and the characters.
        """

        def batch(step: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
            targets, _ = self.draw(rows, time, generator)
            return preceding(targets), targets

        return batch

    def decode(self, characters: torch.Tensor) -> str:
        """The text of a tensor of one row."""
        return "".join(self.alphabet[place] for place in characters.tolist())


def preceding(targets: torch.Tensor) -> torch.Tensor:
    """What a model reads to predict each character: the one before, and a space before the first.

    >>> preceding(torch.tensor([[3, 1, 2]]))
    tensor([[0, 3, 1]])
    """
    return torch.nn.functional.pad(targets[:, :-1], (1, 0))


def lexicon(
    words: int = 1000,
    letters: int = 12,
    shortest: int = 1,
    longest: int = 6,
    exponent: float = 1.0,
    seed: int = 0,
) -> Lexicon:
    """Make a lexicon of distinct random words.

    Parameters
    ----------
    words : int
        How many; at most half of all words that the letters can spell.
    letters : int
        Size of the alphabet without the space, up to 26.
    shortest, longest : int
        Letters of a word: each length is as likely, as long as there are words of that length.
    exponent : float
        s of Zipf's law, 0 (all words equally frequent) to 4; languages have about 1.
    seed : int
        Of the words. Texts have seeds of their own.

    Returns
    -------
    Lexicon

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of another type.

    Notes
    -----
    See chapters 5 and 8 of the book.

    Examples
    --------
    >>> language = lexicon(words=100, letters=5, seed=3)
    >>> text = language.text(100_000, device="cpu")
    >>> language.decode(text[:40])
    'ebbab ddae cbbec aee a ecaae ecbab cc ca'
    >>> _, surprisal = language.draw(1, 100_000, torch.Generator().manual_seed(0))
    >>> bool(abs(surprisal.mean() - language.entropy) < 0.01)
    True
    """
    check_integers(1, words=words, letters=letters, shortest=shortest, longest=longest)
    check_number("letters", letters, 1, len(LETTERS))
    check_number("longest", longest, shortest, 64)
    check_number("exponent", exponent, 0, 4)
    spellable = sum(letters**length for length in range(shortest, longest + 1))
    if words > spellable / 2:
        raise ValueError(f"words is {words}; allowed are up to {spellable // 2}, half of all words")
    check_integers(0, seed=seed)
    random, spelled = np.random.default_rng(seed), {}  # a dict keeps order, and each word once
    while len(spelled) < words:
        lengths = random.integers(shortest, longest + 1, words)
        for length, row in zip(
            lengths, random.integers(letters, size=(words, longest)), strict=True
        ):
            spelled["".join(LETTERS[letter] for letter in row[:length])] = None
    chosen = tuple(spelled)[:words]
    probabilities = np.arange(1.0, words + 1) ** -exponent
    return _compile(" " + LETTERS[:letters], chosen, probabilities / probabilities.sum())


def _compile(alphabet: str, words: tuple[str, ...], probabilities: np.ndarray) -> Lexicon:
    """The lexicon with its tables: characters, surprisals, lengths."""
    starting: dict[str, float] = {}  # probability that a word starts so
    for word, probability in zip(words, probabilities, strict=True):
        for end in range(len(word) + 1):
            starting[word[:end]] = starting.get(word[:end], 0.0) + probability
    longest = max(map(len, words)) + 1
    characters = torch.zeros(len(words), longest, dtype=torch.int64)
    surprisal = torch.zeros(len(words), longest)
    for row, (word, probability) in enumerate(zip(words, probabilities, strict=True)):
        # The space after the last letter makes it this word and none that begins with it.
        chain = [starting[word[:end]] for end in range(len(word) + 1)] + [probability]
        surprisal[row, : len(word) + 1] = torch.tensor(-np.diff(np.log(chain)))
        characters[row, : len(word)] = torch.tensor([alphabet.index(letter) for letter in word])
    lengths = torch.tensor([len(word) + 1 for word in words])
    return Lexicon(alphabet, words, probabilities, characters, surprisal, lengths)
