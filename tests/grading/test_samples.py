"""How sample submissions are described, put together and refused."""

from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.grading.check_assignment import check_assignment
from course_lib.grading.samples import (
    Sample,
    SampleError,
    read_answers,
    read_samples,
    solution_cells,
    write_submission,
)


def marked(make, name, source, **marks):
    cell = make(source)
    cell.metadata["nbgrader"] = {"grade_id": name, "solution": True, **marks}
    return cell


@pytest.fixture
def notebooks(tmp_path):
    """An assignment of one answer and one text, with and without the solution."""
    paths = []
    for folder, code in (
        ("source", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"),
        ("release", "raise NotImplementedError"),
    ):
        cells = [marked(new_code_cell, "x", code), marked(new_markdown_cell, "why", "Write here.")]
        cells.append(new_code_cell("check(x)"))
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "a.ipynb")
        nbformat.write(new_notebook(cells=cells), paths[-1])
    return paths


def sample(**changes):
    return replace(Sample("s", "", "reference", None, None, {}), **changes)


def submitted(path):
    return solution_cells(nbformat.read(path, as_version=4))


def test_the_reference_has_the_solutions_and_no_markers(notebooks, tmp_path):
    path = write_submission(sample(), *notebooks, tmp_path / "out")
    assert submitted(path) == {"x": "x = 1", "why": "Write here."}


def test_a_release_is_handed_in_as_it_is(notebooks, tmp_path):
    path = write_submission(sample(base="release"), *notebooks, tmp_path / "out")
    assert submitted(path)["x"] == "raise NotImplementedError"


def test_answers_replace_code_and_text(notebooks, tmp_path):
    answers = tmp_path / "answers.py"
    answers.write_text('"""Why."""\n\n# %% x\nx = 2  # two\n\n# %% why\n# Because.\n#\n# So.\n')
    assert read_answers(answers) == {"x": "x = 2  # two", "why": "Because.\n\nSo."}
    path = write_submission(sample(answers=answers), *notebooks, tmp_path / "out")
    assert submitted(path) == {"x": "x = 2  # two", "why": "Because.\n\nSo."}


def test_an_answer_to_no_question_is_refused(notebooks, tmp_path):
    answers = tmp_path / "answers.py"
    answers.write_text("# %% y\ny = 2\n")
    with pytest.raises(SampleError, match=r"\['y'\].*\['x', 'why'\]"):
        write_submission(sample(answers=answers), *notebooks, tmp_path / "out")


def test_missing_records_are_named(notebooks, tmp_path):
    with pytest.raises(SampleError, match=r"records\.jsonl.*--record"):
        write_submission(sample(records=tmp_path / "none"), *notebooks, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nbase = 'reference'\n", "lacks about, points"),
        ("[a]\nabout = ''\nbase = 'mine'\n[a.points]\n", "'mine'"),
        ("[a]\nabout = ''\nbase = 'release'\nanswers = 'no.py'\n[a.points]\n", r"no\.py"),
        ("[a\n", "cannot read"),
    ],
)
def test_a_bad_description_is_told(tmp_path, text, said):
    (tmp_path / "samples.toml").write_text(text)
    with pytest.raises(SampleError, match=said):
        read_samples(tmp_path)


def test_an_unknown_assignment_is_told_what_there_is(tmp_path):
    (tmp_path / "source" / "one").mkdir(parents=True)
    with pytest.raises(SampleError, match=r"'two'.*\['one'\]"):
        check_assignment("two", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
