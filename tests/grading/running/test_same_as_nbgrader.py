"""The same notebooks through nbgrader's Execute and through `run`: equal, field by field."""

import copy
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_raw_cell

from course_lib.grading.running import run
from course_lib.grading.running.settings import DEFAULTS
from course_lib.grading.tasks import Limits, Task
from tests.grading.running.helpers import as_bytes, graded, notebook, text
from tests.grading.running.local import local_kernels

DISPLAYS = """
from IPython.display import HTML, display, clear_output, update_display
handle = display("first", display_id="kept")
display("second", display_id="kept")
display(HTML("<b>bold</b>"), metadata={"kind": "demo"})
"""
CLEARED = """
for step in range(3):
    clear_output(wait=step < 2)
    print("step", step)
    display({"step": step})
clear_output()
print("left")
"""
WIDGETS = """
import ipywidgets
slider = ipywidgets.IntSlider(value=3)
captured = ipywidgets.Output()
display(slider, captured)
with captured:
    print("inside")
slider.value = 5
"""
CELLS = (
    text("# A title"),
    "x = 1\nprint('é ✓ 日本')\nx",
    "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)",
    graded("fails", "assert x == 2, 'x is not 2'"),
    graded("partial", "0.5"),
    new_raw_cell("raw"),
    "",
    "   \n",
    DISPLAYS,
    "handle.update('changed')\nupdate_display('once more', display_id='kept')",
    CLEARED,
    WIDGETS,
    "input()",
    "raise SystemExit",
    "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd",
    "def f(:\n",
    new_code_cell("1/0", metadata={"tags": ["raises-exception"]}),
    new_code_cell("y = 1", metadata={"tags": ["skip-execution"]}),
    "y",
    "?len",
    "%%capture\nprint('unseen')",
    "!echo from a shell",
    "import threading\nt = threading.Thread(target=print, args=('thread',)); t.start(); t.join()",
    "get_ipython().showtraceback = lambda *a, **k: None\n1/0",
    "x; None",
)
TOO_LONG = ("import time\nx = 1", graded("slow", "print('begun', flush=True)\ntime.sleep(60)"), "x")


def execute(given, folder, **traits):
    """As `nbgrader autograde` executes a notebook."""
    from nbgrader.preprocessors import Execute

    made = copy.deepcopy(given)
    resources = {"metadata": {"path": str(folder)}}
    Execute(**traits).preprocess(made, resources)
    return json.loads(nbformat.writes(made))


def comparable(value):
    """Without what differs between two runs of the same: clocks, addresses, made-up ids."""

    def steady(text):
        text = re.sub(r"0x[0-9a-f]{6,}", "0xADDRESS", text)
        text = re.sub(r"ipykernel_\d+/\d+", "ipykernel_N/N", text)
        return re.sub(r"[0-9a-f]{32}", "ID", text)

    def walk(node, key=None):
        if key == "execution":
            return sorted(node)
        if key == "state" and any(re.fullmatch("[0-9a-f]{32}", name) for name in node):
            return sorted(json.dumps(walk(inner), sort_keys=True) for inner in node.values())
        if isinstance(node, dict):
            return {steady(name): walk(inner, name) for name, inner in node.items()}
        if isinstance(node, list):
            return [walk(inner) for inner in joined(node)]
        return steady(node) if isinstance(node, str) else node

    return walk(value)


def joined(outputs):
    """Neighbouring pieces of one stream as one: where a kernel cuts them is chance."""
    whole = []
    for output in outputs:
        stream = isinstance(output, dict) and output.get("output_type") == "stream"
        if stream and whole and whole[-1].get("name") == output["name"]:
            whole[-1] = whole[-1] | {"text": [*whole[-1]["text"], *output["text"]]}
        else:
            whole.append(output)
    return whole


@pytest.mark.parametrize(
    ("cells", "seconds"), [(CELLS, 20), (TOO_LONG, 1)], ids=["many-kinds", "timeout"]
)
def test_same_notebook(cells, seconds, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    given = notebook(*cells)
    stock = execute(given, tmp_path, timeout=seconds)
    limits = Limits(cell_seconds=seconds)
    result = run(
        Task("k", {"a.ipynb": as_bytes(given)}, level="none", limits=limits), local_kernels
    )
    ours = json.loads(result.notebooks["a.ipynb"])
    for mine, theirs in zip(ours["cells"], stock["cells"], strict=True):
        assert comparable(mine) == comparable(theirs), mine["source"]
    assert comparable(ours) == comparable(stock)
    # one of the many kinds replaces showtraceback, as a notebook would that hides something
    expected = ["timeout"] if cells is TOO_LONG else ["tampering-suspected"]
    assert [event.kind for event in result.events] == expected, result.events


def test_settings_have_nbgraders_defaults():
    from nbgrader.preprocessors import Execute

    stock = Execute()
    assert {name: getattr(stock, name) for name in DEFAULTS} == DEFAULTS
    assert Limits().cell_seconds == stock.timeout
    assert stock.allow_errors
    assert not stock.force_raise_errors


def test_unknown_settings_are_refused():
    task = Task("k", {}, level="none", execution={"timeout_func": None})
    with pytest.raises(ValueError, match="timeout_func"):
        run(task, local_kernels)
