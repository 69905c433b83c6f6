"""Likeness: symmetric, blind to names and form, low where people thought for themselves."""

import json
import re
import subprocess
import sys

import pytest

from course_lib.grading.similarity import alike, fragments
from tests.grading.trusted.material import hand_in, make_course

LOOP = '''
def trapezoid(f, start, end, steps):
    """Area below a curve."""
    width = (end - start) / steps
    total = (f(start) + f(end)) / 2
    for step in range(1, steps):
        total += f(start + step * width)
    return total * width


def error(f, start, end, steps, truth):
    coarse, fine = trapezoid(f, start, end, steps), trapezoid(f, start, end, 2 * steps)
    return abs(coarse - truth) / abs(fine - truth)
'''
ARRAYS = """
def trapezoid(f, start, end, steps):
    x = np.linspace(start, end, steps + 1)
    y = np.array([f(value) for value in x])
    return float(((y[1:] + y[:-1]) * np.diff(x)).sum() / 2)

def error(f, start, end, steps, truth):
    e = [trapezoid(f, start, end, steps * k) - truth for k in (1, 2)]
    return abs(e[0] / e[1])
"""
RECURSIVE = """
def trapezoid(f, start, end, steps):
    if steps == 1:
        return (end - start) * (f(start) + f(end)) / 2
    half = steps // 2
    middle = start + (end - start) * half / steps
    return trapezoid(f, start, middle, half) + trapezoid(f, middle, end, steps - half)

def error(f, *where):
    *where, steps, truth = where
    wrong = lambda n: abs(trapezoid(f, *where, n) - truth)
    return wrong(steps) / wrong(steps + steps)
"""
STUB = {
    "t": "def trapezoid(f, start, end, steps):\n    # YOUR CODE HERE\n"
    "    raise NotImplementedError('not answered yet')"
}
OWN = ["width", "total", "step", "steps", "coarse", "fine", "start", "end", "truth", "f"]


def renamed(source):
    """As a copyist changes it: names, comments, numbers, blank lines, brackets, docstring."""
    for number, name in enumerate(OWN):
        source = re.sub(rf"\b{name}\b", f"v{number}", source)
    source = source.replace("Area below a curve.", "Mine.").replace(" / 2", " / (2.0)  # mean")
    return source.replace("    return", "\n    # done\n    pass\n    return")


def work(source):
    return {"t": source}


CLASS = {"ada": work(LOOP), "bob": work(ARRAYS), "cyd": work(RECURSIVE)}


def pairs(works, **options):
    return {(one.first, one.second): one for one in alike(works, **options)}


def test_a_renamed_copy_is_wholly_alike():
    found = pairs(CLASS | {"dan": work(renamed(LOOP))})
    assert list(found) == [("ada", "dan")]
    assert found["ada", "dan"].share == 1.0
    assert found["ada", "dan"].cells == ("t",)


def test_independent_solutions_are_not():
    assert pairs(CLASS) == {}
    for pair in alike(CLASS, at_least=0.0):
        assert pair.share < 0.35


def test_the_order_of_works_changes_nothing():
    works = CLASS | {"dan": work(renamed(LOOP)), "eve": work(LOOP + ARRAYS)}
    forwards = pairs(works, at_least=0.1)
    backwards = pairs(dict(reversed(works.items())), at_least=0.1)
    assert {frozenset(names): (one.share, one.evidence) for names, one in forwards.items()} == {
        frozenset(names): (one.share, one.evidence) for names, one in backwards.items()
    }
    assert len(forwards) >= 3


def test_padding_a_copy_does_not_hide_it():
    padded = renamed(LOOP) + ARRAYS.replace("trapezoid", "unused").replace("error", "unused_too")
    assert pairs(CLASS | {"dan": work(padded)})["ada", "dan"].share == 1.0


def test_a_copy_moved_to_another_cell_is_found_there():
    found = pairs(CLASS | {"dan": {"helpers": renamed(LOOP)}, "eve": work("")})
    assert found["ada", "dan"].share == 1.0
    turned = pairs({"dan": {"helpers": renamed(LOOP)}} | CLASS)
    assert turned["dan", "ada"].cells == ("helpers",)


def test_what_was_handed_out_is_no_likeness():
    untouched = dict.fromkeys(("ada", "bob", "cyd"), STUB)
    assert alike(untouched, given=STUB, at_least=0.0) == []
    assert fragments(STUB)


def test_what_everybody_must_write_alike_does_not_count():
    short = "def area(side):\n    return side * side"
    everyone = {f"student-{n}": work(short) for n in range(30)}
    assert alike(everyone) == []
    copied = {"x": LOOP, "t": short}
    found = alike(everyone | {"ada": copied, "bob": copied | {"x": renamed(LOOP)}})
    assert [(one.first, one.second, one.cells) for one in found] == [("ada", "bob", ("x",))]


def test_a_public_solution_is_found_and_never_compared_with_another():
    public = {"(reference)": work(LOOP), "(sample)": work(LOOP)}
    found = pairs({"bob": work(ARRAYS), "dan": work(renamed(LOOP))}, references=public)
    assert set(found) == {("dan", "(reference)"), ("dan", "(sample)")}
    with pytest.raises(ValueError, match=r"\['dan'\]"):
        alike({"dan": {}}, {"dan": {}})


@pytest.mark.parametrize(
    "source",
    ["def (", "x = '\0'", "(" * 5000, "-" * 100_000 + "1", "x" * 300_000, "", "# words", "%time"],
)
def test_what_is_no_python_has_nothing_in_common(source):
    assert fragments(work(source)) == {}
    assert alike({"ada": work(source), "bob": work(source)}, at_least=0.0) == []


def test_odd_escapes_and_commands_of_ipython_are_read():
    assert fragments(work("%matplotlib inline\nx = '\\d' + f(y)"))


@pytest.mark.slow
def test_the_command_shows_pairs_and_changes_nothing(tmp_path):
    course = make_course(tmp_path / "course")
    for student, source in (("ada", LOOP), ("dan", renamed(LOOP)), ("bob", ARRAYS)):
        hand_in(course, student, {"square-answer": source})
    hand_in(course, "[red]eve")
    damaged = course / "submitted" / "fay" / "ps1"
    damaged.mkdir(parents=True)
    (damaged / "p1.ipynb").write_text("{")
    (course / "submitted" / "gus" / "ps1").mkdir(parents=True)
    before = {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}

    def said(*options):
        done = subprocess.run(
            [sys.executable, "-m", "course_lib.cli", "similarity", "ps1", "--course-dir", course,
             *options],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    found = json.loads(said("--json"))
    assert [(one["first"], one["second"]) for one in found["pairs"]] == [("ada", "dan")]
    assert found["pairs"][0]["share"] == 1.0
    assert [note.partition(":")[0] for note in found["notes"]] == ["fay", "gus"]
    assert "100%" in said() and "no proof of copying" in said()
    assert {path: path.read_bytes() for path in course.rglob("*") if path.is_file()} == before
