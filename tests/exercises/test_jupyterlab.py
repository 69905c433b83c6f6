"""A student's whole way in JupyterLab: released, opened, answered, handed in, graded.

Where the variable COURSE_SCREENSHOTS names a folder, pictures of it go there.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest

from course_lib.grading.commands import nbgrader
from course_lib.grading.releasing import generate, prepare
from course_lib.grading.samples import solution_cells
from tests.exercises.judging import EXERCISES, NAMES

STUDENT = "ada"
CELL = ".jp-Notebook .jp-Cell"
RUN = "[data-command='notebook:run-cell-and-select-next']"
SETTINGS = {  # every cell is in the page; nothing asks for news
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
SECONDS = 180  # for one cell, on a busy machine

pytestmark = [pytest.mark.slow, pytest.mark.web, pytest.mark.needs("sandbox")]


@contextlib.contextmanager
def lab(folder, home):
    """JupyterLab on loopback for a folder, with settings of its own; gives address and token."""
    for name, values in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    places = {
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(home / place) for name, place in places.items()}}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with (
        open(home / "log", "wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            yield known_server(home, server)
        finally:
            server.terminate()
            server.wait(60)


def known_server(home, server):
    """Address and token of the server, once it answers."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and server.poll() is None:
        for file in (home / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                about = json.loads(file.read_text())
                with urlopen(f"{about['url']}api"):
                    return about["url"], about["token"]
        time.sleep(0.2)
    pytest.fail((home / "log").read_text()[-2000:], pytrace=False)


class Notebook:
    """An open notebook in a tab of JupyterLab."""

    def __init__(self, tab, number_of_cells):
        self.tab = tab
        self.cells = tab.locator(CELL)
        tab.wait_for_function(
            f"() => document.querySelectorAll('{CELL}').length === {number_of_cells}",
            timeout=1000 * SECONDS,
        )
        tab.wait_for_function(
            "() => /Python 3.*Idle/.test(document.body.innerText)"
            " || document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')",
            timeout=1000 * SECONDS,
        )
        tab.add_locator_handler(tab.locator(".jp-Dialog"), self.accept)

    def accept(self, dialog):
        """What JupyterLab asks meanwhile, such as for a kernel, is answered with its proposal."""
        print("JupyterLab asked:", dialog.inner_text())
        dialog.locator("button.jp-mod-accept").click()

    def run(self, place):
        """Run one code cell as a student does, and wait for it; what it showed."""
        cell = self.cells.nth(place)
        before = self.prompt(place)
        for _ in range(5):  # until the kernel is connected, a click may be lost
            cell.locator(".jp-InputArea-prompt").first.click()
            self.tab.locator(RUN).click()
            if self.waited(lambda: self.prompt(place) != before, 5):
                break
        ended = self.waited(lambda: self.prompt(place) not in (before, "[*]:"), SECONDS)
        assert ended, f"cell {place} did not end"
        return "\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts())

    def waited(self, until, seconds):
        """Whether something became true in time."""
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self.tab.wait_for_timeout(50)
        return until()

    def prompt(self, place):
        return self.cells.nth(place).locator(".jp-InputArea-prompt").first.inner_text().strip()

    def write(self, place, text):
        """Replace what stands in a cell, by keyboard."""
        cell = self.cells.nth(place)
        if cell.locator(".jp-RenderedMarkdown").count():
            cell.locator(".jp-RenderedMarkdown").first.dblclick()
        cell.locator(".cm-content").first.click()
        self.tab.keyboard.press("Control+A")
        self.tab.keyboard.insert_text(text)
        self.tab.keyboard.press("Escape")

    def refuses_to_change(self, place):
        """Whether a cell stays as it is when somebody types into it."""
        text = self.cells.nth(place).locator(".cm-content").first
        before = text.inner_text()
        self.write(place, "pass")
        return text.inner_text() == before

    def save(self):
        self.tab.keyboard.press("Control+S")
        self.tab.wait_for_function(
            "() => !document.querySelector('.jp-mod-dirty')", timeout=1000 * SECONDS
        )


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_from_release_to_feedback(name, browser, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "a secret of a student's whole way")
    source = nbformat.read(EXERCISES / "source" / name / f"{name}.ipynb", as_version=4)
    answers = solution_cells(source)
    kinds = [c.cell_type for c in source.cells]
    marks = [c.metadata.nbgrader for c in source.cells]
    course, home, work = (tmp_path / part for part in ("course", "home", "work"))
    for folder in (course, home, work):
        folder.mkdir()
    prepare(name, EXERCISES, course)
    shutil.copytree(generate(name, course), work / name)
    shots = os.environ.get("COURSE_SCREENSHOTS")

    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    with lab(work, home) as (address, token):
        tab.goto(f"{address}lab/tree/{name}/{name}.ipynb?token={token}&reset")
        notebook = Notebook(tab, len(kinds))
        code = [place for place, kind in enumerate(kinds) if kind == "code"]
        probes = [place for place in code if marks[place].grade]

        # As it is received: every probe says what is missing, and none is an error of ours.
        for place in code:
            shown = notebook.run(place)
            if place in probes:
                assert "Not yet: " in shown, (marks[place].grade_id, shown)
                assert notebook.refuses_to_change(place)
            elif not marks[place].solution:
                assert "Traceback" not in shown, (marks[place].grade_id, shown)
        if shots:
            tab.screenshot(path=Path(shots) / f"{name}-received.png")

        # Answered, from top to bottom.
        for place, mark in enumerate(marks):
            if mark.solution:
                notebook.write(place, answers[mark.grade_id])
            if kinds[place] == "code":
                shown = notebook.run(place)
                assert "Traceback" not in shown, (mark.grade_id, shown)
                if place in probes:
                    assert f"{mark.grade_id}: right" in shown, (mark.grade_id, shown)
        notebook.save()
        if shots:
            tab.screenshot(path=Path(shots) / f"{name}-answered.png")
    saved = nbformat.read(work / name / f"{name}.ipynb", as_version=4)
    assert {**solution_cells(saved)} == answers

    shutil.copytree(
        work / name, course / "submitted" / STUDENT / name,
        ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"),
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.cli", "grade", name, "--json"],
        cwd=course, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    nbgrader(course, "generate_feedback", name)
    page = course / "feedback" / STUDENT / name / f"{name}.html"
    problems = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(page.as_uri())
    text = tab.locator("body").inner_text()
    machine = sum(mark.points for place, mark in enumerate(marks) if place in probes)
    everything = sum(mark.points for mark in marks if mark.grade)
    assert f"Score: {machine:.1f} / {everything:.1f}" in text
    assert text.count("Right.") >= len(probes)
    assert problems == []
    if shots:
        tab.screenshot(path=Path(shots) / f"{name}-feedback.png")
    context.close()
