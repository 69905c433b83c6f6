"""The page of an exercise: made from its notebook, linked to its chapters, with a working zip."""

import json
import os
import re
import shutil
import zipfile

import nbformat
import pytest
from bs4 import BeautifulSoup
from sphinx.errors import ExtensionError

from course_lib import __version__
from course_lib.grading.authoring import new_assignment
from course_lib.sphinx_ext import exercise_files
from course_lib.sphinx_ext.exercise_files import released, state_of
from course_lib.sphinx_ext.exercise_page import linked, page_of, read_exercise
from tests.building import ROOT
from tests.mini_book import MiniBook

NAME = "04-shapes"
ADDRESS = "https://github.com/owner/a-course"
PAGE = "exercises/04-shapes"
CHAPTER = "# 6. Measuring compute\n\n## Counting\n\n### A first call\n"
CHAPTERS = {6: ("../06-measuring.md", CHAPTER)}


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    for file in ("nbgrader_config.py", "AGENTS.md"):
        shutil.copy(ROOT / "exercises" / file, folder)
    new_assignment(NAME, folder)
    return folder


@pytest.fixture
def notebook(course):
    return course / "source" / NAME / f"{NAME}.ipynb"


@pytest.fixture
def book(tmp_path, course, release):
    """A book with one chapter and one exercise; releasing is counted, and is not what is tested."""
    made = MiniBook(tmp_path / "book")
    made.write("06-measuring", CHAPTER)
    made.write(PAGE, f"```{{exercise-page}} {NAME}\n```\n")
    made.write("index", f"# A book\n\n```{{toctree}}\n06-measuring\n{PAGE}\n```\n")

    def build(**settings):
        return made.build(
            course_exercises=os.path.relpath(course, made.source), myst_heading_anchors=3,
            course_literals_skip=["exercises/*"], **settings,
        )  # fmt: skip

    made.build_it = build
    return made


class FakeRelease:
    """Stands for `course release`: writes a zip for each name, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, names, course, to):
        self.calls += 1
        to.mkdir(parents=True, exist_ok=True)
        for name in names:
            (to / f"{name}.zip").write_bytes(b"zip %d" % self.calls)


@pytest.fixture
def release(monkeypatch):
    fake = FakeRelease()
    monkeypatch.setattr(exercise_files, "release", fake)
    return fake


def links_of(html):
    article = BeautifulSoup(html, "html.parser").select_one("body")
    return {link.get_text(): link["href"] for link in article.select("a[href]")}


# --- what is read from the notebook ---


def test_all_that_the_first_cell_says_stands_on_the_page(notebook):
    exercise = read_exercise(notebook)
    page = page_of(exercise, "")
    first = nbformat.read(notebook, as_version=4).cells[0].source
    assert page.startswith(f"# {exercise.title}\n")
    for line in first.splitlines():
        row = re.fullmatch(r"\| ([^|]+) \| ([^|]+) \|", line)
        if row:
            assert f"- **{row[1].capitalize()}:** {row[2]}\n" in page
        elif "AGENTS.md" not in line and not line.startswith("|"):
            assert line in page.splitlines()
    assert "`AGENTS.md`" in page and "(AGENTS.md)" not in page


def test_questions_and_points_are_those_of_the_cells(notebook):
    questions = read_exercise(notebook).questions
    assert [(one.title, one.machine, one.person) for one in questions] == [
        ("1. Count a dense layer", 2, 0),
        ("2. What is left out?", 0, 2),
    ]
    page = page_of(read_exercise(notebook), "")
    assert "| 1. Count a dense layer | 2 | 0 |" in page
    assert "Together 4 points: 2 by machine and 2 by a person." in page


@pytest.mark.parametrize(
    ("old", "new"), [("# 04-shapes", "04-shapes"), ("| time |", "x\n\n| time |"), ("| | |", "")]
)
def test_a_first_cell_of_another_form_is_refused(notebook, old, new):
    text = json.loads(notebook.read_text())
    source = "".join(text["cells"][0]["source"])
    assert old in source
    table = re.sub(r"(?m)^\|.*\n", "", source) if new == "" else source.replace(old, new)
    text["cells"][0]["source"] = table
    notebook.write_text(json.dumps(text))
    with pytest.raises(ValueError, match="needs a title and one table"):
        read_exercise(notebook)


# --- chapters ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("see chapter 6.", "see [chapter 6](../06-measuring.md)."),
        (
            "(chapter 6, *Counting* and *A first call*; chapter 7, *Else*)",
            "([chapter 6](../06-measuring.md), [*Counting*](../06-measuring.md#counting) and "
            "[*A first call*](../06-measuring.md#a-first-call); chapter 7, *Else*)",
        ),
        (
            "chapter 6, *Measuring compute*",
            "[chapter 6](../06-measuring.md), [*Measuring compute*](../06-measuring.md)",
        ),
        ("chapter 66, *Counting*", "chapter 66, *Counting*"),
    ],
)
def test_chapters_and_their_sections_become_links(text, said):
    assert linked(text, CHAPTERS) == said


def test_a_section_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="chapter 6 has no section 'Weighing'"):
        linked("chapter 6, *Weighing*", CHAPTERS)


# --- built ---


def test_the_page_has_its_title_its_links_and_its_zip(book):
    built = book.build_it()
    assert (built.status, built.warnings) == (0, "")
    assert (built.directory / f"{PAGE}.zip").read_bytes() == b"zip 1"
    page = BeautifulSoup(built.page(PAGE), "html.parser")
    assert page.select_one("h1").get_text().startswith(NAME)
    assert links_of(built.page())[page.select_one("h1").get_text().strip("#¶\n ")] == f"{PAGE}.html"
    links = links_of(built.page(PAGE))
    assert links[f"{NAME}.zip"] == f"{NAME}.zip"
    assert links["chapter 6"] == "../06-measuring.html"
    assert not page.select("[src^='http'], .body [href^='http']")
    assert "names no repository" in page.get_text()


def test_only_chapters_are_taken_for_chapters(book):
    """Other pages about an exercise have its number too, which may be that of a chapter."""
    for page in ("teaching/06-else", "exercises/06-other"):
        book.write(page, "---\norphan: true\n---\n# No chapter\n")
    built = book.build_it()
    assert (built.status, built.warnings) == (0, "")
    assert links_of(built.page(PAGE))["chapter 6"] == "../06-measuring.html"


def test_with_a_repository_there_are_links_pinned_to_this_version(book):
    built = book.build_it(course_repository=ADDRESS)
    assert (built.status, built.warnings) == (0, "")
    links = links_of(built.page(PAGE))
    branch, notebook = f"exercises-v{__version__}", f"notebooks/{NAME}/{NAME}.ipynb"
    assert links["Colab"] == (
        f"https://colab.research.google.com/github/owner/a-course/blob/{branch}/{notebook}"
    )
    assert links["Binder"] == (
        f"https://mybinder.org/v2/gh/owner/a-course/{branch}?labpath={notebook.replace('/', '%2F')}"
    )
    assert links["Codespaces"] == f"https://codespaces.new/owner/a-course/tree/{branch}"
    page = BeautifulSoup(built.page(PAGE), "html.parser")
    assert not page.select(".body img, [src^='http']")
    assert f"git+{ADDRESS}@v{__version__}" in page.get_text()
    assert "names no repository" not in page.get_text()


@pytest.mark.parametrize(
    ("body", "settings", "said"),
    [
        ("05-else", {}, "there is no exercise '05-else'"),
        (NAME, {"course_repository": "https://example.org/a/b"}, "is not https://github.com/"),
    ],
)
def test_what_is_wrong_stops_the_build(book, body, settings, said):
    book.write("exercises/04-shapes", f"# A page\n\n```{{exercise-page}} {body}\n```\n")
    built = book.build_it(**settings)
    assert built.status and said in built.warnings


def test_the_zip_is_made_anew_only_where_something_has_changed(book, course, notebook, release):
    book.build_it()
    built = book.build_it()
    assert release.calls == 1
    (course / "AGENTS.md").write_text("Help them.\n")
    book.build_it()
    assert (built.directory / f"{PAGE}.zip").read_bytes() == b"zip 2"
    notebook.write_text(notebook.read_text().replace("One sentence on", "Two sentences on"))
    book.build_it()
    assert release.calls == 3
    assert "Two sentences on" in built.page(PAGE)
    (built.directory / f"{PAGE}.zip").unlink()
    book.build_it()
    assert release.calls == 3 and (built.directory / f"{PAGE}.zip").is_file()


def test_a_zip_of_another_state_is_not_kept(course, tmp_path, release):
    first = released([NAME], course, tmp_path / "kept")[NAME]
    before = state_of(NAME, course)
    (course / "checks" / f"{NAME}.py").write_text("# other checks\n")
    assert state_of(NAME, course) != before
    second = released([NAME], course, tmp_path / "kept")[NAME]
    assert second.is_file() and not first.exists()


def test_an_exercise_that_cannot_be_released_stops_the_build(course, tmp_path):
    with pytest.raises(ExtensionError, match=r"cannot be released(.|\n)*no assignment '05-else'"):
        released(["05-else"], course, tmp_path / "kept")


# --- the book itself ---


def test_every_exercise_has_its_page_its_zip_and_its_page_for_instructors(built_book):
    names = sorted(path.name for path in (ROOT / "exercises" / "source").iterdir())
    assert len(names) >= 5
    for name in names:
        page = built_book / "book" / "exercises" / f"{name}.html"
        links = links_of(page.read_text(encoding="utf-8"))
        assert links[f"{name}.zip"] == f"{name}.zip"
        assert any(re.search(r"/\d\d-[\w-]+\.html", address) for address in links.values())
        with zipfile.ZipFile(page.with_suffix(".zip")) as archive:
            inside = {one: archive.read(one).decode() for one in archive.namelist()}
        assert set(inside) >= {
            f"{name}/{file}" for file in (f"{name}.ipynb", "checks.py", "AGENTS.md")
        }
        assert "BEGIN SOLUTION" not in inside[f"{name}/{name}.ipynb"]
        assert (built_book / "book" / "teaching" / f"{name}.html").is_file()


def test_a_notebook_from_the_book_runs_beside_its_checks(built_book, tmp_path):
    """What was downloaded is enough: every probe finds its question, and says "not yet"."""
    from nbclient import NotebookClient

    name = "03-measure"
    with zipfile.ZipFile(built_book / "book" / "exercises" / f"{name}.zip") as archive:
        archive.extractall(tmp_path)
    notebook = nbformat.read(tmp_path / name / f"{name}.ipynb", as_version=4)
    where = {"metadata": {"path": str(tmp_path / name)}}
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, resources=where).execute()
    said = {
        cell.metadata.nbgrader.grade_id: output.get("ename", output.output_type)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.nbgrader.grade
        for output in cell.outputs
    }
    assert len(said) == 9 and set(said.values()) <= {"NotYet", "NameError"}
    assert list(said.values()).count("NotYet") >= 7
