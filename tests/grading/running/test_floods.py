"""Kernels that send too much, or what no kernel sends: it costs the cell that does it, if anything.

Whatever comes over the wire, this process holds little of it, and later cells have their verdicts.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.grading.tasks import MIB, Limits
from tests.grading.running.helpers import errors, graded, kinds, run_cells, shown

LONG = Limits(cell_seconds=400, notebook_seconds=900, output_bytes=MIB // 4)
MOST_HELD = 256 * MIB  # what reading a flood may add to this process for a moment
LATE = [graded("right", "assert x == 1\nprint('after')"), graded("wrong", "assert x == 2")]
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="measures memory by /proc"
)


def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def run_after(flood, limits=LONG):
    """Run a flood and two graded cells after it; the result, the flood's cell, what was held."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    result, cells = run_cells("x = 1", flood, *LATE, limits=limits)
    held = resident("VmHWM") - before
    assert result.problem is None
    assert [errors(cell) for cell in (cells[0], *cells[2:])] == [[], [], ["AssertionError"]]
    assert shown(cells[2]) == "after\n"
    assert held < MOST_HELD
    assert all(len(data) < 4 * limits.output_bytes for data in result.notebooks.values())
    return result, cells[1]


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


PRINTS = "for _ in range({}):\n    print('x' * 10**6)"
DISPLAYS = "for i in range({}):\n    display(i)"
MESSAGES = """
kernel = get_ipython().kernel
content = {'data': {'text/plain': 'x'}, 'metadata': {}}
for _ in range(300_000):
    kernel.session.send(kernel.iopub_socket, 'display_data', content, parent=kernel.get_parent())
"""


@pytest.mark.parametrize(
    "flood",
    [
        PRINTS.format(20),
        DISPLAYS.format(1500),
        slow(PRINTS.format(1000)),
        slow(MESSAGES),
        slow("import sys\n" + PRINTS.format(300).replace("10**6)", "10**6, file=sys.stderr)")),
        slow("for i in range(20_000):\n    display(i, display_id='one')"),
        slow("import os\nfor _ in range(300):\n    os.write(1, b'x' * 10**6)"),
    ],
    ids=["prints", "displays", "1 GB", "300,000 displays", "stderr", "one display", "descriptor"],
)
def test_a_flood_is_cut_off_and_noted(flood):
    result, cell = run_after(flood)
    assert kinds(result) == ["output-truncated"]
    cut = "output cut off here: a cell may show 262144 bytes" in shown(cell)
    assert cut or errors(cell) == ["OutputLost"]  # the wire itself was given up


@pytest.mark.parametrize("size", [10 * MIB, slow(200 * MIB)], ids=["10 MiB", "200 MiB"])
@pytest.mark.parametrize(
    "output",
    [
        "'x' * {}",
        slow("print('x' * {})"),
        slow("raise ValueError('x' * {})"),
        slow("display({{'text/html': 'x' * {}}}, raw=True)"),
    ],
    ids=["result", "print", "error", "html"],
)
def test_one_huge_output_is_not_looked_into(output, size):
    # the kernel may take longer over the traceback of a huge error than its cell has
    result, _ = run_after(output.format(size), replace(LONG, cell_seconds=60))
    assert kinds(result) and set(kinds(result)) <= {"output-truncated", "timeout"}


def test_what_is_cleared_again_is_no_flood():
    animation = (
        "from IPython.display import clear_output\n"
        "for i in range(40):\n    clear_output()\n    print(str(i) * 10**5)"
    )
    result, cell = run_after(animation)
    assert kinds(result) == [] and shown(cell).startswith("39")


# --- forged messages ---

# `send` puts frames on the wire as they are, `say` a message with the session's own signature.
FORGE = """
import json, zmq
kernel = get_ipython().kernel
session = kernel.session
MARK = b'<IDS|MSG>'
own = kernel.get_parent()
stranger = session.msg('execute_request', {})
def send(*frames):
    kernel.iopub_socket.send_multipart([b'kernel.stream', MARK, *frames])
def say(kind, content, parent=own):
    session.send(kernel.iopub_socket, kind, content, parent=parent)
def frames(kind, content, parent=own):
    message = session.msg(kind, content, parent=parent)
    return session.serialize(message)[1:]
"""
STREAM = "'stream', {'name': 'stdout', 'text': 'forged'}"
FORGERIES = {
    "wrong parent": f"say({STREAM}, stranger)",
    "wrong type": "say('dance', {})",
    "no JSON": f"f = frames({STREAM})\nf[-1] = b'{{nothing'\nf[0] = session.sign(f[1:])\nsend(*f)",
    "unsigned": f"f = frames({STREAM})\nf[0] = b''\nsend(*f)",
    "wrong signature": f"f = frames({STREAM})\nf[0] = b'0' * 64\nsend(*f)",
    "few frames": "send(b'', b'{}')",
    "not an object": "f = [b'1', b'2', b'3', b'4']\nsend(session.sign(f), *f)",
    "a list in place of a text": (
        "say('stream', {'name': ['stdout'], 'text': {'a': 1}})\n"
        "say('error', {'ename': 1, 'evalue': None, 'traceback': 7})\n"
        "say('display_data', {'data': 7, 'metadata': [], 'transient': 'x'})"
    ),
    "a count that is none": (
        "say('execute_result', {'data': {}, 'metadata': {}, 'execution_count': 'many'})"
    ),
    "deep": (
        "deep = []\nfor _ in range(500):\n    deep = [deep]\n"
        "say('display_data', {'data': {'application/json': deep}, 'metadata': {}})"
    ),
}


@pytest.mark.parametrize(
    "name", [name if name in ("wrong parent", "no JSON") else slow(name) for name in FORGERIES]
)
def test_a_forged_message_is_noted_and_changes_no_later_verdict(name):
    result, cell = run_after(FORGE + FORGERIES[name])
    assert kinds(result) == ["kernel-odd"]
    assert "forged" not in json.dumps(cell["outputs"])


REPLY = """
import threading, time
def reply():
    while True:
        time.sleep(0.01)
        for parent in (stranger, {'header': {'msg_id': 'never'}}, own):
            content = {'status': 'ok', 'execution_count': 1}
            message = session.msg('execute_reply', content, parent=parent)
            ident = kernel._parent_ident['shell'] if hasattr(kernel, '_parent_ident') else []
            session.send(kernel.shell_stream, message, ident=ident)
threading.Thread(target=reply, daemon=True).start()
time.sleep(0.3)
"""


@pytest.mark.slow
def test_replies_to_other_requests_change_no_verdict():
    result, _ = run_after(FORGE + REPLY)
    assert set(kinds(result)) <= {"kernel-odd"}


@pytest.mark.parametrize(
    "text, pause", [("'on and on ' * 100", 0.001), slow("'x' * 10**5", 0)], ids=["some", "much"]
)
def test_a_kernel_that_goes_on_printing_after_its_cell(text, pause):
    flood = (
        "import threading, time\n"
        f"def go_on():\n    while True:\n        print({text})\n        time.sleep({pause})\n"
        "threading.Thread(target=go_on, daemon=True).start()"
    )
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    wait = "import time\ntime.sleep(1)"
    result, cells = run_cells("x = 1", flood, wait, "assert x == 1", LATE[1], limits=LONG)
    assert resident("VmHWM") - before < MOST_HELD
    assert [errors(cell) for cell in cells] == [[], [], [], [], ["AssertionError"]]
    assert set(kinds(result)) <= {"output-truncated"}
