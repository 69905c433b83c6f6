"""Mutants are small, different, drawn by a seed; grading them says what no check sees."""

import ast
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.mutants import (
    CAUGHT,
    DISPROVED,
    EQUIVALENT,
    MISSED,
    Tried,
    as_samples,
    log_of,
    named_mutants,
    reference_of,
)
from course_lib.grading.mutating import Mutant, draw, mutants_of
from course_lib.grading.samples import (
    Sample,
    SampleError,
    read_answers,
    read_equivalents,
    read_samples,
)
from tests.grading.trusted.material import ANSWERS, CHECKS, make_course

SOURCE = '''
guess = 3
### BEGIN SOLUTION
def cost(x, scale=2.5, *, deep: bool = True) -> float:
    """Of 3 things."""
    total = 0
    for value in sorted(x)[1:]:
        if value < 10 and not deep or value in (4, 5):
            total += max(value, 1) - 2**value
            print("so far", total - 1)
    return scale * total // 7
### END SOLUTION
late = 4
'''
CHANGES = {(one.before, one.after) for one in mutants_of("cost", SOURCE)}
HEAD = "def cost(x, scale=2.5, *, deep: bool=True) -> float:"
CONDITION = "if value < 10 and (not deep) or value in (4, 5):"
TERM = "total += max(value, 1) - 2 ** value"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HEAD, HEAD.replace("2.5", "5.0")),
        (HEAD, HEAD.replace("=True", "=False")),
        ("total = 0", "total = 1"),
        ("for value in sorted(x)[1:]:", "for value in sorted(x)[0:]:"),
        (CONDITION, CONDITION.replace("<", ">")),
        (CONDITION, CONDITION.replace("<", "<=")),
        (CONDITION, CONDITION.replace("(not deep)", "deep")),
        (CONDITION, CONDITION.replace("value in (4, 5)", "value not in (4, 5)")),
        (CONDITION, "if value in (4, 5):"),
        (TERM, TERM.replace("+=", "-=")),
        (TERM, TERM.replace("max(value, 1)", "max(1, value)")),
        (TERM, TERM.replace("max", "min")),
        (TERM, TERM.replace(" - 2", " + 2")),
        (TERM, "total += max(value, 1)"),
        ("return scale * total // 7", "return scale / total // 7"),
        ("return scale * total // 7", "return scale * total // 6"),
    ],
)
def test_what_is_changed(before, after):
    assert (before, after) in CHANGES


def test_only_the_solution_is_changed_and_never_what_is_printed_or_said():
    for before, after in CHANGES:
        assert before not in ("guess = 3", "late = 4")
        assert "print" not in before
        assert "Of 3 things" not in before + after


def test_without_markers_the_whole_cell_is_the_solution():
    assert {one.before for one in mutants_of("a", "a = 1\nb = 2")} == {"a = 1", "b = 2"}


numbers = st.integers(0, 9).map(str) | st.sampled_from(["x", "f(x, 2)", "0.5", "-x", "x[1]"])
expressions = st.recursive(
    numbers,
    lambda inner: st.builds(
        "({} {} {})".format, inner, st.sampled_from("+ - * / ** < == and or".split()), inner
    ),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(expressions, min_size=1, max_size=3), st.integers(0, 99))
def test_mutants_are_python_differ_and_are_drawn_by_the_seed(parts, seed):
    source = "\n".join(f"y{n} = {part}" for n, part in enumerate(parts))
    mutants = mutants_of("a", source)
    sources = [one.source for one in mutants]
    assert len({*sources, ast.unparse(ast.parse(source))}) == len(sources) + 1
    for one in mutants:
        assert ast.unparse(ast.parse(one.source)) == one.source
        assert one.before != one.after
    cells = {"a": source, "b": "z = 1 + 1"}
    drawn = draw(cells, 9, seed)
    assert draw(cells, 4, seed) == drawn[:4]
    assert len({(one.cell, one.source) for one in drawn}) == len(drawn)
    everything = draw(cells, 10_000, seed)
    assert len(everything) == len(mutants) + len(mutants_of("b", "z = 1 + 1"))


def test_another_seed_draws_others():
    assert draw({"a": SOURCE}, 5, 1) != draw({"a": SOURCE}, 5, 2)


# --- as submissions ---

SAMPLES = """
[reference]
about = "right"
base = "reference"
points = { square = 2, half = 4, count-of-records = 1 }
"""
DECLARED = '[mutations.equivalent]\n"square-answer: return x * x -> return x / x" = "it is not"\n'
REFERENCE = Sample("reference", "", "reference", None, None, {"a": 1.0})


@pytest.fixture
def notebook(tmp_path):
    """A source notebook with a solution in Python, one in IPython's, and one in words."""
    mark = {"grade_id": "a", "solution": True}
    cells = [
        new_code_cell("a = b + 1", metadata={"nbgrader": mark}),
        new_code_cell("%time a", metadata={"nbgrader": mark | {"grade_id": "b"}}),
        new_markdown_cell("1 + 1", metadata={"nbgrader": mark | {"grade_id": "c"}}),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "n.ipynb")
    return tmp_path / "n.ipynb"


def test_a_mutant_is_the_reference_with_one_cell_changed(notebook, tmp_path):
    mutants = named_mutants(notebook, {}, 3, seed=0)
    assert {one.cell for one in mutants.values()} == {"a"}
    made = as_samples(mutants, REFERENCE, tmp_path / "mutants")
    assert [one.name for one in made] == ["mutant-001", "mutant-002", "mutant-003"]
    for sample in made:
        assert read_answers(sample.answers) == {"a": mutants[sample.name].source}
        assert (sample.base, sample.points) == ("reference", REFERENCE.points)


def test_a_declared_change_must_exist_and_have_a_reason(notebook, tmp_path):
    with pytest.raises(SampleError, match=r"'a: a = b -> a = c'.*no mutation.*\['a'\]"):
        named_mutants(notebook, {"a: a = b -> a = c": "so"}, 1, 0)
    (tmp_path / "samples.toml").write_text(SAMPLES + DECLARED)
    assert list(read_equivalents(tmp_path).values()) == ["it is not"]
    assert [sample.name for sample in read_samples(tmp_path)] == ["reference"]
    (tmp_path / "samples.toml").write_text(DECLARED.replace("it is not", " "))
    with pytest.raises(SampleError, match="no reason for 'square-answer"):
        read_equivalents(tmp_path)
    (tmp_path / "samples.toml").write_text("[mutations]\nequal = {}\n")
    with pytest.raises(SampleError, match=r"\['equal'\]; allowed is equivalent"):
        read_equivalents(tmp_path)


def test_mutations_need_a_reference():
    with pytest.raises(SampleError, match="reference"):
        reference_of([Sample("empty", "", "release", None, None, {})])


def test_the_verdict_follows_from_points_and_declaration():
    mutant = Mutant("a", "x = 1", "x = 2", "x = 2")
    verdicts = {
        Tried(7, "m", mutant, lost, reason).verdict: right
        for lost, reason, right in (
            ({"a": 1.0}, "", True),
            ({"a": None}, "", True),
            ({}, "", False),
            ({}, "it adds nothing", True),
            ({"a": 1.0}, "it adds nothing", False),
        )
        if Tried(7, "m", mutant, lost, reason).right is right
    }
    assert verdicts == {CAUGHT: True, MISSED: False, EQUIVALENT: True, DISPROVED: False}
    log = log_of("ps1", [Tried(7, "mutant-001", mutant, {"a": 1.0, "b": None})])
    assert log.splitlines() == [
        "# ps1: 1 mutations of the reference solution: 1 caught",
        "seed\tmutant\tchange\tpoints lost\tverdict",
        "7\tmutant-001\ta: x = 1 -> x = 2\ta 1, b to a person\tcaught",
    ]


@pytest.mark.slow
@pytest.mark.needs("sandbox")
def test_grading_finds_what_no_check_sees_and_what_is_falsely_declared(tmp_path):
    course = make_course(tmp_path / "course")
    path = course / "source" / "ps1" / "p1.ipynb"
    source = nbformat.read(path, 4)
    solutions = {
        "square-answer": ANSWERS["square-answer"],
        "half-answer": "def half(x, unseen=5):\n    return x",  # what no check sees
        "count-answer": "count = 0",
    }
    for cell in source.cells:
        cell.source = solutions.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    nbformat.write(source, path)
    (course / "checks" / "ps1.py").write_text(
        CHECKS.replace(
            'Judgement(None, "no records came with it")', '"no records" if value else None'
        )
    )
    folder = course / "samples" / "ps1"
    folder.mkdir(parents=True)
    (folder / "samples.toml").write_text(SAMPLES + DECLARED)
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "check-assignment", "ps1", "--course-dir", course,
         "--workspace", tmp_path / "out", "--mutations", "99", "--log", tmp_path / "log.tsv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "0 of 0 wrong samples caught" in done.stdout
    rows = [line.split("\t") for line in (tmp_path / "log.tsv").read_text().splitlines()[2:]]
    found = {change.partition(" -> ")[2]: (lost, verdict) for _, _, change, lost, verdict in rows}
    assert found["return x / x"] == ("square 2", f"{DISPROVED}: it is not")
    assert found["return x"] == ("square 2", CAUGHT)
    assert found["count = 1"] == ("count-of-records 1", CAUGHT)
    unseen = {after for after, (_, verdict) in found.items() if verdict == MISSED}
    assert unseen == {"def half(x, unseen=6):", "def half(x, unseen=4):"}
