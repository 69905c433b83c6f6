"""The directive `{exercise-page}`: the page of a graded exercise, read from its source notebook.

    ```{exercise-page} 03-measure
    ```

It is all that the page holds. Title, objectives, time, points and what to hand in stand in the
notebook's first cell, questions and their points in the others; nothing is typed a second time.
`exercise_files` puts the students' notebook beside the page. Links to services that run notebooks
appear where `course_repository` names the course's place on GitHub.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from mdit_py_plugins.anchors.index import slugify
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from course_lib import __version__
from course_lib.publishing import BRANCH, folder_of, place_of, requirement

logger = logging.getLogger(__name__)

PLACED = "course-exercise"  # in a page's metadata: the exercise that it is about
ROW = re.compile(r"\| *(?P<what>[^|]*?) *\| *(?P<text>[^|]*?) *\|")
AGENTS_LINK = "[AGENTS.md](AGENTS.md)"
SECTION = re.compile(r"\*([^*]+)\*")
CHAPTER = re.compile(r"\bchapter (\d+)((?:(?:,|;|,? and) \*[^*]+\*)*)")
HEADING = re.compile(r"^#{1,3} +(?P<text>.+?) *#*$", re.MULTILINE)
QUESTION = re.compile(r"## +(?P<title>.+?)(?: \([^()]*points?\b[^()]*\))?\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One question: its title, its points by machine, and those that a person gives."""

    title: str
    machine: float
    person: float


@dataclass(frozen=True)
class Exercise:
    """What the notebook says of itself."""

    name: str
    title: str
    opening: str  # why it matters, and the objectives
    facts: dict[str, str]  # time, points, before you start, hand in
    grading: str  # how answers are tried and graded
    agents: str  # the sentence on AI assistants, or nothing
    questions: list[Question]


def read_exercise(path: Path) -> Exercise:
    """Read a source notebook.

    Raises
    ------
    ValueError
        If its first cell is not built as an exercise's first cell is.
    """
    cells = nbformat.read(path, as_version=4).cells
    blocks = re.split(r"\n\s*\n", cells[0].source.strip()) if cells else [""]
    title, *rest = blocks
    tables = [number for number, block in enumerate(rest) if block.startswith("|")]
    if not title.startswith("# ") or len(tables) != 1:
        raise ValueError(f"the first cell of {path.name} needs a title and one table")
    facts = {row["what"]: row["text"] for row in ROW.finditer(rest[tables[0]]) if row["what"]}
    facts = {what: text for what, text in facts.items() if not re.fullmatch("[-: ]+", what)}
    agents = [block for block in rest if AGENTS_LINK in block]
    return Exercise(
        name=path.stem,
        title=title.removeprefix("# ").strip(),
        opening="\n\n".join(rest[: tables[0]]),
        facts=facts,
        grading="\n\n".join(b for b in rest[tables[0] + 1 :] if b not in agents),
        agents="\n\n".join(agents).replace(AGENTS_LINK, "`AGENTS.md`"),
        questions=_questions(cells[1:]),
    )


def _questions(cells: list) -> list[Question]:
    """Each second-level heading with the points of the cells that follow it."""
    found: list[Question] = []
    for cell in cells:
        heading = QUESTION.match(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            found.append(Question(heading["title"], 0, 0))
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade") and found:
            last, points = found.pop(), mark.get("points", 0)
            code = cell.cell_type == "code"
            found.append(
                Question(
                    last.title,
                    last.machine + (points if code else 0),
                    last.person + (0 if code else points),
                )
            )
    return [one for one in found if one.machine or one.person]


def page_of(exercise: Exercise, repository: str) -> str:
    """The page as Markdown; chapters are still named, not linked."""
    facts = [f"- **{what[:1].upper()}{what[1:]}:** {text}" for what, text in exercise.facts.items()]
    rows = [f"| {one.title} | {one.machine:g} | {one.person:g} |" for one in exercise.questions]
    machine = sum(one.machine for one in exercise.questions)
    person = sum(one.person for one in exercise.questions)
    parts = [
        f"# {exercise.title}",
        exercise.opening,
        "\n".join(facts),
        "## Get the notebook",
        *ways_to_get(exercise.name, repository),
        exercise.agents,
        "## The questions",
        "| question | points by machine | points by a person |\n|---|---:|---:|\n"
        + "\n".join(rows),
        f"Together {machine + person:g} points: {machine:g} by machine and {person:g} by a person.",
        "## How it is graded",
        exercise.grading,
    ]
    return "\n\n".join(part for part in parts if part)


def ways_to_get(name: str, repository: str) -> list[str]:
    """Where the students' notebook can be had, as Markdown."""
    file = f"{name}.zip"
    here = (
        f'Download <a class="course-download" href="{file}" download>{file}</a>: a folder with the '
        "notebook without solutions, its checks, and a file for your AI assistant. Unpack it where "
        "you like, and open the notebook with JupyterLab in the environment in which the course is "
        "installed."
    )
    if not repository:
        return [
            here,
            "This copy of the book names no repository, so there are no links to services that run "
            "notebooks for you (`course_repository` in `_config.yml` sets it).",
        ]
    place = place_of(repository)
    if place is None:
        raise ValueError(f"course_repository: {repository!r} is not https://github.com/OWNER/NAME")
    notebook = f"{folder_of(name)}/{name}.ipynb"
    install = f'pip install "{requirement(place)}"'
    return [
        f"- **On your machine.** {here} (`{install}` and `pip install jupyterlab` suffice.)\n"
        f"- **Elsewhere**, with version {__version__} of the course:\n"
        f"    - [Colab](https://colab.research.google.com/github/{place}/blob/{BRANCH}/{notebook})"
        " needs a Google account. Its first cell installs the course and fetches the checks.\n"
        f"    - [Binder](https://mybinder.org/v2/gh/{place}/{BRANCH}"
        f"?labpath={quote(notebook, safe='')}) needs no account, and some minutes to start.\n"
        f"    - [Codespaces](https://codespaces.new/{place}/tree/{BRANCH}) needs a GitHub account. "
        f"It opens the course's dev container; your notebook is `{notebook}`. The same container "
        "runs on your own machine, with Docker.",
        "What runs elsewhere is gone when its session ends: download the notebook, and every file "
        "that it made beside itself, before you close it.",
    ]


def linked(text: str, chapters: Mapping[int, tuple[str, str]]) -> str:
    """Text whose chapters, and sections of them, are links.

    Parameters
    ----------
    text : str
        Markdown, with ``chapter 6`` or ``chapter 6, *Counting* and *Energy*`` in it.
    chapters : mapping
        By number: the address of the page, and its own Markdown. Others stay words.

    Raises
    ------
    ValueError
        If a chapter has no section of that title.
    """

    def chapter(found: re.Match[str]) -> str:
        number, sections = int(found[1]), found[2]
        if number not in chapters:
            return found[0]
        address, page = chapters[number]
        titles = [heading["text"] for heading in HEADING.finditer(page)]

        def section(named: re.Match[str]) -> str:
            title = named[1]
            if title == re.sub(r"^\d+\. ", "", titles[0]):
                return f"[{named[0]}]({address})"
            if title not in titles:
                raise ValueError(f"chapter {number} has no section {title!r}")
            return f"[{named[0]}]({address}#{slugify(title)})"

        return f"[chapter {number}]({address})" + SECTION.sub(section, sections)

    return CHAPTER.sub(chapter, text)


class ExercisePage(SphinxDirective):
    """The whole page of one exercise, by the name of its folder."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the page; what is wrong with the notebook is an error of the build."""
        name = self.arguments[0]
        folder = Path(self.env.srcdir, self.config.course_exercises, "source", name)
        notebook = folder / f"{name}.ipynb"
        if not notebook.is_file():
            raise self.error(f"there is no exercise {name!r}: {notebook} is not there")
        self.env.note_dependency(str(notebook))
        try:
            page = page_of(read_exercise(notebook), self.config.course_repository)
            page = linked(page, self._chapters())
        except ValueError as problem:
            raise self.error(f"exercise-page: {problem}") from problem
        self.env.metadata[self.env.docname][PLACED] = name
        holder = nodes.container()
        lines = StringList(page.splitlines(), source=str(notebook))
        self.state.nested_parse(lines, self.content_offset, holder, match_titles=True)
        return holder.children

    def _chapters(self) -> dict[int, tuple[str, str]]:
        """The numbered pages in the folders above this page's, as seen from it."""
        here = posixpath.dirname(self.env.docname)
        found = {}
        for page in sorted(self.env.found_docs):
            number = re.match(r"(\d+)-", posixpath.basename(page))
            folder = posixpath.dirname(page)
            if number and folder != here and f"{here}/".startswith(f"{folder}/" if folder else ""):
                path = Path(self.env.doc2path(page))
                self.env.note_dependency(str(path))
                address = posixpath.relpath(f"{page}{path.suffix}", here)
                found[int(number[1])] = (address, path.read_text(encoding="utf-8"))
        return found


def exercise_pages(env: BuildEnvironment) -> dict[str, str]:
    """The pages about an exercise, and which it is."""
    return {page: known[PLACED] for page, known in env.metadata.items() if PLACED in known}


def setup(app: Sphinx) -> None:
    """Register the directive; declare where exercises are, and the course's repository."""
    app.add_config_value("course_exercises", "exercises", "env", [str])
    app.add_config_value("course_repository", "", "env", [str])
    app.add_directive("exercise-page", ExercisePage)
