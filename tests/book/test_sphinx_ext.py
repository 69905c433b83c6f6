"""The extension on a tiny project: what runs again, what stops a build, what a label says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
RECORD = {
    "counted_flop": 3.1e12,
    "cpu_seconds": 90.0,
    "machine": "an abacus",
    "energy_wh": {"value": 0.5, "low": 0.1, "high": 1.2, "basis": "assumed"},
}
LABEL = (
    "Compute label",
    "of wall time",
    "1.5 minutes of CPU time",
    "3.1 TFLOP (counted)",
    "0.5 Wh (0.1 to 1.2, assumed)",
    "an abacus",
)
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
CONFIG = """
import sys
sys.path.insert(0, {root!r})
extensions = ["myst_nb", "sphinx_design", "course_lib.sphinx_ext"]
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
course_cache_depends_on = ["tiny_lib"]
"""


def code(source: str, *options: str) -> str:
    return "\n".join(["```{code-cell} ipython3", *options, "", source, "```", "", ""])


def record_cell(record: dict) -> str:
    bundle = {"application/vnd.counting-the-cost.page+json": record}
    show = f"from IPython.display import display\ndisplay({bundle!r}, raw=True)"
    return code(show, ":tags: [remove-cell]")


def picture(options: str = "") -> str:
    draw = f"from IPython.display import SVG\nSVG('{EMPTY}')"
    return code(draw, *([options] if options else []))


class Project:
    """A Sphinx project of one page and a library of one file, built in a process of its own."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.library = directory / "source" / "tiny_lib" / "answer.py"
        self.library.parent.mkdir(parents=True)
        self.library.write_text("VALUE = 6 * 7\n")
        (directory / "source" / "conf.py").write_text(CONFIG.format(root=str(directory / "source")))

    def write(self, body: str, head: str = HEAD) -> None:
        (self.directory / "source" / "index.md").write_text(head + body)

    def build(self) -> subprocess.CompletedProcess:
        command = [
            sys.executable,
            "-m",
            "sphinx",
            "-n",
            "-W",
            "--keep-going",
            "source",
            "build/html",
        ]
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, check=False
        )
        done.stderr = re.sub(r"\x1b\[[\d;]*m", "", done.stderr)  # colours
        return done

    def page(self) -> str:
        return (self.directory / "build" / "html" / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def value_page(log: Path) -> str:
    """A page that shows the library's value and leaves a line in a log whenever it runs."""
    run = code(
        "import sys\n"
        "sys.path.insert(0, 'tiny_lib')\n"
        "from answer import VALUE\n"
        f"with open({str(log)!r}, 'a') as log:\n"
        "    print('ran', file=log)\n"
        "print('value', VALUE)"
    )
    return "# Page\n\n```{compute-label}\n```\n\n" + run + record_cell(RECORD)


def runs(log: Path) -> int:
    return len(log.read_text().splitlines())


def test_pages_run_again_when_the_library_changes_and_only_then(project, tmp_path):
    log = tmp_path / "log"
    project.write(value_page(log))
    assert project.build().returncode == 0
    assert "value 42" in project.page() and runs(log) == 1

    assert project.build().returncode == 0
    project.write(value_page(log) + "\nA new sentence.\n")
    assert project.build().returncode == 0
    assert "A new sentence" in project.page() and runs(log) == 1, (
        "nothing that computes has changed"
    )

    project.library.with_name("cli.py").write_text("# a command line that no page uses\n")
    (project.library.parent / "grading").mkdir()
    (project.library.parent / "grading" / "points.py").write_text("FULL = 20\n")
    assert project.build().returncode == 0
    assert runs(log) == 1, "these parts are not counted"

    project.library.write_text("VALUE = 6 * 9\n")
    assert project.build().returncode == 0
    assert "value 54" in project.page() and runs(log) == 2

    project.library.write_text("VALUE = 6 * 7\n")
    assert project.build().returncode == 0
    assert "value 42" in project.page() and runs(log) == 2, (
        "the earlier state is still in the cache"
    )


def test_a_changed_style_sheet_reaches_the_site_without_running_a_page(project, tmp_path):
    sheet = project.directory / "source" / "_static" / "look.css"
    sheet.parent.mkdir()
    sheet.write_text("p {}")
    with (project.directory / "source" / "conf.py").open("a") as conf:
        conf.write("html_static_path = ['_static']\nhtml_css_files = ['look.css']\n")
    project.write(value_page(tmp_path / "log"))
    assert project.build().returncode == 0
    sheet.write_text("p { color: black }")
    assert project.build().returncode == 0
    assert "black" in (project.directory / "build/html/_static/look.css").read_text()
    assert runs(tmp_path / "log") == 1


def test_only_the_last_states_of_the_cache_are_kept(tmp_path):
    from course_lib.sphinx_ext.cache_key import KEPT, _forget_old_states

    for age in range(KEPT + 2):
        state = tmp_path / f"state-{age}"
        state.mkdir()
        os.utime(state, (1e9 - age, 1e9 - age))
    _forget_old_states(tmp_path)
    assert sorted(d.name for d in tmp_path.iterdir()) == [f"state-{age}" for age in range(KEPT)]


def test_the_label_comes_from_the_record_also_out_of_the_cache(project, tmp_path):
    project.write(value_page(tmp_path / "log"))
    assert project.build().returncode == 0
    fresh = project.page()
    assert [part for part in LABEL if part not in fresh] == []
    assert "vnd.counting-the-cost" not in fresh

    project.write(value_page(tmp_path / "log") + "\nMore words.\n")
    assert project.build().returncode == 0
    assert "3.1 TFLOP (counted)" in project.page() and runs(tmp_path / "log") == 1


@pytest.mark.parametrize("head", [HEAD, ""], ids=["without a record", "without code"])
def test_a_label_without_a_record_fails_the_build_every_time(project, head):
    body = code("print(1)") if head else "Words.\n"
    project.write("# Page\n\n```{compute-label}\n```\n\n" + body, head)
    for _ in range(2):
        built = project.build()
        assert built.returncode != 0
        assert "index.md:" in built.stderr and "no record" in built.stderr


def test_a_figure_without_alt_text_fails_the_build_every_time(project):
    project.write("# Page\n\n" + picture())
    for _ in range(2):
        built = project.build()
        assert built.returncode != 0
        line = next(line for line in built.stderr.splitlines() if "no alt text" in line)
        assert "index.md:" in line and line.split("index.md:")[1].split(":")[0].isdigit()


def test_a_figure_with_alt_text_builds(project):
    project.write("# Page\n\n" + picture(':mystnb: {image: {alt: "An empty square."}}'))
    built = project.build()
    assert built.returncode == 0, built.stderr
    assert 'alt="An empty square."' in project.page()


@pytest.mark.parametrize(
    "body",
    [
        "![](picture.svg)",
        "```{image} picture.svg\n```",
        '<div><img src="picture.svg"></div>',
        '<p><img alt="" src="picture.svg"></p>',
    ],
)
def test_every_way_to_place_an_image_needs_alt_text(project, body):
    (project.directory / "source" / "picture.svg").write_text(EMPTY)
    project.write(f"# Page\n\n{body}\n")
    built = project.build()
    assert built.returncode != 0 and "no alt text" in built.stderr


def test_a_failing_cell_fails_the_build_with_its_error(project):
    project.write("# Page\n\n" + code("weight = {}['missing']"))
    built = project.build()
    assert built.returncode != 0
    assert "KeyError: 'missing'" in built.stderr


def test_a_predict_box_folds_its_answer(project):
    answer = ":::{answer}\nThis fast.\n:::\n"
    project.write(f"# Page\n\n::::{{predict}} the rate\nHow fast?\n\n{answer}::::\n")
    built = project.build()
    assert built.returncode == 0, built.stderr
    page = project.page()
    assert "Predict first: the rate" in page
    question, details = page.index("How fast?"), page.index("<details")
    assert question < details < page.index("This fast.") < page.index("</details>")
    assert "open=" not in page[details : page.index(">", details)]


def test_a_predict_box_without_an_answer_fails_the_build(project):
    project.write("# Page\n\n:::{predict}\nHow fast?\n:::\n")
    built = project.build()
    assert built.returncode != 0 and "exactly one answer" in built.stderr


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("try-it", "Try it"),
        ("trace-claim", "Trace the claim"),
        ("does-not-show", "What this does not show"),
    ],
)
def test_the_other_boxes_are_named_notes(project, kind, title):
    project.write(f"# Page\n\n:::{{{kind}}}\nSome words.\n:::\n")
    built = project.build()
    assert built.returncode == 0, built.stderr
    assert f'aria-label="{title}"' in project.page() and f"course-{kind}" in project.page()


def test_the_record_may_hold_any_part_of_the_costs():
    from course_lib.sphinx_ext.page_record import sentence

    def text(record, runtime=48.0):
        return "".join(node.astext() for node in sentence(json.loads(json.dumps(record)), runtime))

    assert text({}) == "Building this page took 0.8 minutes of wall time."
    assert text({"counted_flop": 0}) == text({})  # nothing was measured
    assert text({"counted_flop": 999.0}, 2.0) == (
        "Building this page took 2.0 seconds of wall time and 999 FLOP (counted)."
    )
    everything = text({**RECORD, "co2e_g": 0.2})
    assert everything == (
        "Building this page took 0.8 minutes of wall time (1.5 minutes of CPU time), "
        "3.1 TFLOP (counted), 0.5 Wh (0.1 to 1.2, assumed) and 0.2 gCO2e, on an abacus."
    )
