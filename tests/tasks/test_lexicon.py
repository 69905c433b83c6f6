"""Text of known entropy: what the formula says, the true model loses, and no model beats."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.models import CharacterLSTM
from course_lib.tasks import characters
from course_lib.tasks.lexicon import LETTERS, lexicon, preceding
from course_lib.training import train

law = settings(max_examples=20)


@st.composite
def lexicons(draw):
    letters, longest = draw(st.integers(2, 26)), draw(st.integers(2, 5))
    most = sum(letters**length for length in range(1, longest + 1)) // 2
    return lexicon(
        draw(st.integers(1, min(most, 100))), letters, 1, longest,
        draw(st.floats(0, 2)), draw(st.integers(0, 99)),
    )  # fmt: skip


def generator(seed):
    return torch.Generator().manual_seed(seed)


@law
@given(lexicons())
def test_words_are_distinct_and_spelled_in_the_alphabet(language):
    assert len(set(language.words)) == len(language.words)
    assert set("".join(language.words)) <= set(language.alphabet[1:])
    assert language.alphabet[0] == " " and " " not in "".join(language.words)
    assert language.probabilities.sum() == pytest.approx(1)
    assert (np.diff(language.probabilities) <= 0).all()


@law
@given(lexicons(), st.integers(1, 40))
def test_the_window_entropy_is_that_of_all_texts_spelled_out(language, time):
    """Exactly, by following every way to write a text, character by character."""
    states, total = {"": 1.0}, 0.0  # what is written of the present word, and its probability
    for _ in range(time):
        after = {}
        for written, probability in states.items():
            beginning = [
                (word, p)
                for word, p in zip(language.words, language.probabilities, strict=True)
                if word.startswith(written)
            ]
            whole = sum(p for _, p in beginning)
            for letter in language.alphabet:
                follows = written + letter
                share = sum(p for w, p in beginning if (w + " ").startswith(follows)) / whole
                if share > 0:
                    state = "" if letter == " " else follows
                    after[state] = after.get(state, 0.0) + probability * share
                    total -= probability * share * math.log(share)
        states = after
    assert language.window_entropy(time) == pytest.approx(total / time, abs=1e-5)


@law
@given(lexicons(), st.integers(0, 99))
def test_what_is_drawn_is_words_with_their_probabilities(language, seed):
    drawn, surprisal = language.draw(3, 50, generator(seed))
    assert drawn.shape == surprisal.shape == (3, 50)
    assert drawn.dtype == torch.int64 and surprisal.dtype == torch.float32
    known = dict(zip(language.words, language.probabilities, strict=True))
    for row, losses in zip(drawn, surprisal, strict=True):
        text = language.decode(row)
        *whole, rest = text.split(" ")
        begun = sum(p for word, p in known.items() if word.startswith(rest))
        logarithms = [math.log(known[word]) for word in whole] + [math.log(begun)]
        assert losses.sum().item() == pytest.approx(-sum(logarithms), abs=1e-3)


def test_the_true_model_loses_the_entropy():
    """On a text of a million characters, from the frequencies of its words alone."""
    language = lexicon(300, 10, seed=1)
    text = language.decode(language.text(1_000_000, seed=2, device="cpu"))
    known = dict(zip(language.words, language.probabilities, strict=True))
    words = text.split(" ")[:-1]
    losses = np.array([-math.log(known[word]) for word in words])
    lengths = np.array([len(word) + 1 for word in words])
    found = losses.sum() / lengths.sum()
    # standard error of a ratio of sums
    error = (losses - found * lengths).std() / lengths.mean() / len(words) ** 0.5
    assert abs(found - language.entropy) < 4 * error
    assert error < 0.002


def test_a_long_window_has_the_entropy_of_the_text():
    language = lexicon(300, 10, seed=1)
    windows = [language.window_entropy(time) for time in (1, 10, 100, 1000, 10_000)]
    assert windows == sorted(windows, reverse=True)
    beyond = np.array(windows[2:]) - language.entropy
    np.testing.assert_allclose(beyond[:-1] / beyond[1:], 10, rtol=0.02)  # falls as 1 / time


def test_equal_words_of_one_letter_leave_their_logarithm():
    """Four letters and a space: log 4 nats in two characters."""
    language = lexicon(4, 8, shortest=1, longest=1, exponent=0.0)
    assert language.entropy == pytest.approx(math.log(4) / 2)
    assert language.window_entropy(1) == pytest.approx(math.log(4))
    assert language.window_entropy(2) == pytest.approx(math.log(4) / 2)


def test_seeds_of_lexicon_and_text():
    assert lexicon(50, seed=1).words == lexicon(50, seed=1).words != lexicon(50, seed=2).words
    language = lexicon(50)
    same, again, other = (language.text(500, seed=seed, device="cpu") for seed in (1, 1, 2))
    assert same.shape == (500,) and same.dtype == torch.int64
    assert torch.equal(same, again) and not torch.equal(same, other)


def test_batches_ask_for_the_next_character():
    language = lexicon(50)
    batches = language.batches(4, 20)
    inputs, targets = batches(0, generator(1))
    assert inputs.shape == targets.shape == (4, 20)
    assert (inputs[:, 0] == 0).all() and torch.equal(inputs[:, 1:], targets[:, :-1])
    assert torch.equal(inputs, preceding(targets))
    again, _ = batches(5, generator(1))
    other, _ = batches(5, generator(2))
    assert torch.equal(inputs, again) and not torch.equal(inputs, other)


def test_no_trained_model_is_better_than_the_truth():
    """An LSTM on a small lexicon comes near the window's entropy, and stays above it."""
    language, time = lexicon(20, 6, longest=3, seed=1), 16
    torch.manual_seed(0)
    model = CharacterLSTM(len(language.alphabet), width=48)
    done = train(
        model, language.batches(32, time), characters.cross_entropy,
        learning_rate=0.01, schedule="cosine", steps=300, progress=False,
    )  # fmt: skip
    targets, surprisal = language.draw(4096, time, generator(10**6))
    with torch.no_grad():
        logits = done.model(preceding(targets))
    losses = torch.nn.functional.cross_entropy(logits.mT, targets, reduction="none")
    beyond = (losses - surprisal).mean(1)  # of each text: what the truth knew better
    standard_error = beyond.std().item() / 4096**0.5
    assert -2 * standard_error < beyond.mean() < 0.1
    assert (losses.mean() - surprisal.mean()).item() == pytest.approx(
        beyond.mean().item(), abs=1e-4
    )


def test_a_run_of_the_transformer_loses_less_than_letters_alone_would():
    [row] = characters.run(width=8, tokens=64 * 1024, seeds=[0], device="cpu")
    language = characters.language()
    alone = torch.bincount(language.text(100_000, device="cpu")).double()
    alone /= alone.sum()
    irreducible = characters.truth()["irreducible"]
    assert irreducible < row["loss"] < -(alone * alone.log()).sum()


def test_the_loss_of_a_run_is_the_cross_entropy_without_the_text_s_own_luck(monkeypatch):
    evaluated = []

    def capture(make_model, batches, loss, seeds, *, evaluate, **how):
        evaluated.append(evaluate)
        return []

    monkeypatch.setattr(characters, "train_many", capture)
    characters.run(width=8, tokens=1024, device="cpu")
    [evaluate] = evaluated
    knows_nothing = evaluate(lambda tokens: torch.zeros(*tokens.shape, 13))
    assert knows_nothing == pytest.approx(math.log(13), abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"words": 0}, "words is 0"),
        ({"letters": 27}, "letters is 27"),
        ({"words": 30, "letters": 2, "longest": 4}, "words is 30; allowed are up to 15"),
        ({"shortest": 3, "longest": 2}, "longest is 2"),
        ({"exponent": -1.0}, r"exponent is -1\.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        lexicon(**arguments)


def test_bad_runs_are_named():
    with pytest.raises(ValueError, match="tokens is 1000; allowed are multiples of 1024"):
        characters.run(width=8, tokens=1000)
    with pytest.raises(ValueError, match="time is 0"):
        lexicon(10).window_entropy(0)
    assert len(LETTERS) == 26


@pytest.mark.gpu
def test_texts_are_the_same_on_the_accelerator():
    language = lexicon(50)
    assert torch.equal(language.text(500, seed=1).cpu(), language.text(500, seed=1, device="cpu"))
    drawn, surprisal = language.draw(2000, 64, torch.Generator("cuda").manual_seed(0))
    assert drawn.device.type == "cuda"
    assert abs(surprisal.mean().item() - language.window_entropy(64)) < 0.02
