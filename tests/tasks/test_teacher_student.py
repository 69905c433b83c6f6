"""Teacher and student: any size, seeded, and wider students come nearer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.tasks import teacher_student
from course_lib.tasks.teacher_student import inputs, teacher

law = settings(max_examples=20)


def generator(seed):
    return torch.Generator().manual_seed(seed)


@law
@given(st.integers(1, 20), st.integers(0, 99))
def test_inputs_and_answers_are_standard(dimensions, seed):
    x = inputs(20_000, dimensions, generator(seed))
    assert x.shape == (20_000, dimensions) and x.dtype == torch.float32
    assert abs(x.mean()) < 0.03 and abs(x.std() - 1) < 0.02
    answers = teacher(dimensions, seed, "cpu")(x)
    assert answers.shape == (20_000, 1)
    assert abs(answers.mean()) < 0.06 and abs(answers.std() - 1) < 0.06


@law
@given(st.integers(1, 8), st.integers(0, 99))
def test_a_teacher_is_linear_in_pieces(dimensions, seed):
    """Along a line, second differences are zero but where a unit of the network turns on."""
    ask = teacher(dimensions, seed, "cpu")
    start, end = inputs(2, dimensions, generator(seed))
    steps = torch.linspace(0, 1, 4001)[:, None]
    bends = ask(start + steps * (end - start))[:, 0].double().diff(n=2).abs()
    assert (bends > 1e-5).float().mean() < 0.2


def test_seeds():
    state = torch.get_rng_state()
    x = inputs(100, 4, generator(1))
    same, again, other = (teacher(4, seed, "cpu")(x) for seed in (1, 1, 2))
    assert torch.equal(same, again) and not torch.allclose(same, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_wider_students_come_nearer():
    narrow, wide = (
        teacher_student.run(4, width, [0, 1], steps=300, device="cpu") for width in (3, 24)
    )
    assert max(row["loss"] for row in wide) < min(row["loss"] for row in narrow) < 1
    assert narrow[0]["parameters"] == 4 * 3 + 3 + 3 * 3 + 3 + 3 + 1
    assert narrow[0]["samples"] == 300 * 256 and narrow[0]["loss"] != narrow[1]["loss"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: teacher(0), "dimensions is 0"),
        (lambda: teacher(4, seed=-1), "seed is -1"),
        (lambda: teacher_student.run(4, 0), "width is 0"),
        (lambda: teacher_student.run(4, 4, steps=0), "steps is 0"),
        (lambda: teacher_student.run(4, 4, seeds=[]), "seeds is"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.gpu
def test_a_teacher_answers_the_same_on_the_accelerator():
    x = inputs(100, 4, generator(1))
    here = teacher(4, 1, "cpu")(x)
    ask = teacher(4, 1)
    device = "cuda" if torch.cuda.is_available() else "mps"
    assert torch.allclose(ask(x.to(device)).cpu(), here, atol=1e-4)
