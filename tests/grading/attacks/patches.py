"""Forged scores from inside the kernel: the answer takes over what judges it.

A plain assertion runs in the student's interpreter, so most of these work, with any grader that
runs it there. What `course grade` can do is to say what it saw.
"""

from __future__ import annotations

from tests.grading.attacks.forgery import SLOW, WRONG, Forgery

_SHELL = "shell = get_ipython()\nkernel = shell.kernel\n"
_STRIP = (
    "import ast\nclass Strip(ast.NodeTransformer):\n"
    "    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)\n"
)

# The objects between a check and its verdict are replaced.
PATCHES = [
    Forgery(
        "strip-asserts",
        "has IPython take the asserts out of later cells",
        WRONG + _STRIP + "get_ipython().ast_transformers.append(Strip())",
    ),
    Forgery(
        "rewrite-cells",
        "has IPython run something else than later cells say",
        WRONG + "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])",
    ),
    Forgery(
        "replace-transformer",
        "replaces the function that reads cells",
        WRONG + "get_ipython().transform_cell = lambda text: 'pass\\n'",
    ),
    Forgery(
        "optimise",
        "has cells compiled as `python -O` does, which leaves asserts out",
        WRONG + "compiler = get_ipython().compile\n"
        "def without(self, source, name, symbol='exec', *rest, **more):\n"
        "    return compile(source, name, symbol, self.flags, 1, 1)\n"
        "type(compiler).__call__ = without",
    ),
    Forgery(
        "patch-comparison",
        "replaces the functions that tests compare with",
        WRONG + "import math\nmath.isclose = lambda *a, **k: True",
    ),
    Forgery(
        "exchange-comparison",
        "puts another function of Python's in the place of the one that tests compare with",
        WRONG + "import math\nmath.isclose = max",
    ),
    Forgery(
        "patch-builtin",
        "replaces a function that is there without an import",
        WRONG + "import builtins\nbuiltins.sum = lambda *a: 2",
    ),
    Forgery(
        "own-builtins",
        "gives the notebook builtins of its own",
        WRONG + "import builtins\nshell = get_ipython()\n"
        "shell.user_ns['__builtins__'] = dict(vars(builtins), sum=lambda *a: 2)",
    ),
    Forgery(
        "fake-module",
        "puts a module of its own under the name that tests import",
        WRONG + "import sys, types\nsys.modules['math'] = types.ModuleType('math')\n"
        "sys.modules['math'].isclose = lambda *a: True",
    ),
    Forgery(
        "import-hook",
        "decides what an import gives",
        WRONG + "import sys, importlib.abc, importlib.machinery\n"
        "class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'colorsys': return importlib.machinery.ModuleSpec(name, self)\n"
        "    def exec_module(self, module): module.rgb_to_hsv = lambda *a: (0, 0, 6.25)\n"
        "sys.meta_path.insert(0, Hook())",
    ),
    Forgery(
        "patch-clock",
        "stops the clock that a test reads",
        SLOW + "time.perf_counter = lambda: 0.0",
        earned=5.0,
    ),
    Forgery(
        "patch-formatter",
        "has numbers shown as others",
        WRONG + "text = get_ipython().display_formatter.formatters['text/plain']\n"
        "text.for_type(float, lambda value, page, cycle: page.text('1.0'))",
    ),
    Forgery(
        "hide-result",
        "has the result of a cell shown nowhere, which means full marks",
        WRONG + "type(get_ipython().displayhook).__call__ = lambda self, result=None: None",
    ),
    Forgery(
        "clear-result",
        "clears a cell's output when it has run",
        WRONG + "from IPython.display import clear_output\n"
        "get_ipython().events.register('post_run_cell', lambda result: clear_output())",
    ),
    Forgery(
        "capture-result",
        "has a widget take what later cells show (a message over a comm)",
        WRONG + _SHELL + "import ipywidgets\nout = ipywidgets.Output()\n"
        "def take(*a):\n    out.msg_id = kernel.get_parent()['header']['msg_id']\n"
        "shell.events.register('pre_execute', take)",
    ),
    Forgery(
        "replace-run-code",
        "replaces the shell's own way of running code",
        WRONG + "async def run_code(self, *a, **k): return False\n"
        "type(get_ipython()).run_code = run_code",
    ),
    Forgery(
        "replace-code-object",
        "gives a function of IPython's other instructions, and leaves the function where it is",
        WRONG + "async def run_code(self, code_obj, result=None, *, async_=False): return False\n"
        "type(get_ipython()).run_code.__code__ = run_code.__code__",
    ),
    Forgery(
        "forge-success",
        "says of every cell that it succeeded, and shows no error",
        WRONG + "from IPython.core.interactiveshell import ExecutionResult\n"
        "ExecutionResult.success = property(lambda self: True)\n"
        "type(get_ipython()).showtraceback = lambda *a, **k: None",
    ),
    Forgery(
        "replace-execute",
        "has the kernel run nothing and say that all went well",
        WRONG + _SHELL + "async def nothing(*a, **k):\n"
        "    return {'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}\n"
        "kernel.do_execute = nothing",
    ),
    Forgery(
        "patch-session",
        "changes messages on their way out",
        WRONG + _SHELL + "real = kernel.session.send\n"
        "def send(stream, kind, content=None, *a, **k):\n"
        "    if kind == 'execute_reply' and content['status'] == 'error':\n"
        "        content = {'status': 'ok', 'execution_count': 1}\n"
        "    if kind not in ('error', 'execute_result'):\n"
        "        return real(stream, kind, content, *a, **k)\n"
        "kernel.session.send = send",
    ),
    Forgery(
        "search-memory",
        "finds what it patches among all objects (gc), without asking IPython",
        WRONG + "import gc\nfrom jupyter_client.session import Session\n"
        "def patch(session):\n    real = session.send\n"
        "    def send(stream, kind, content=None, *a, **k):\n"
        "        if kind == 'execute_reply' and content['status'] == 'error':\n"
        "            content = {'status': 'ok', 'execution_count': 1}\n"
        "        if kind != 'error': return real(stream, kind, content, *a, **k)\n"
        "    session.send = send\n"
        "for one in gc.get_objects():\n    if type(one) is Session: patch(one)",
    ),
    Forgery(
        "forge-reply",
        "answers the request for a test itself, over the kernel's own sockets, before it fails",
        _SHELL + "def square(x):\n"
        "    parent, ident = kernel.get_parent(), kernel._parent_ident['shell']\n"
        "    reply = {'status': 'ok', 'execution_count': 1}\n"
        "    def answer():\n"
        "        kernel.session.send(kernel.shell_stream, 'execute_reply', reply, parent, ident)\n"
        "    kernel.shell_stream.io_loop.add_callback(answer)\n"
        "    kernel.session.send(kernel.iopub_socket, 'status', {'execution_state': 'idle'},\n"
        "        parent, ident=kernel._topic('status'))\n"
        "    import time; time.sleep(0.5)\n    return 0",
    ),
    Forgery(
        "trace",
        "follows the test line by line, and changes its variables in between",
        "import sys\ndef trace(frame, event, arg):\n"
        "    if 'value' in frame.f_globals: frame.f_globals['value'] = 2.5 ** 2\n"
        "    return trace\n"
        "def square(x):\n    frame = sys._getframe().f_back\n"
        "    if frame.f_code.co_name == '<module>': frame.f_trace = trace; sys.settrace(trace)\n"
        "    return 0",
    ),
]

# Nothing is left patched where anybody would look.
UNSEEN = [
    Forgery(
        "integers",
        "changes the number 49 in memory",
        "import ctypes\ndef square(x):\n    return x * x if x != 7 else 50\n"
        "ctypes.c_uint32.from_address(id(49) + 24).value = 50",
        earned=4.0,
    ),
    Forgery(
        "always-equal",
        "returns an object that equals everything",
        "class Yes:\n    __hash__ = None\n    def __eq__(self, other): return True\n"
        "def square(x): return Yes()",
    ),
    Forgery(
        "read-history",
        "looks the expected value up in the text of the cell that asks",
        "import re\ndef square(x):\n"
        "    text = get_ipython().user_ns['In'][-1]\n"
        "    found = re.search(rf'square\\({x}\\) == (\\S+)', text)\n"
        "    return eval(found[1]) if found else 0",
    ),
    Forgery(
        "read-constants",
        "looks the expected value up in the code that calls it",
        "import sys\ndef square(x):\n    known = sys._getframe(1).f_code.co_consts\n"
        "    at = known.index(x) if x in known else 0\n    return known[at + 1]",
    ),
    Forgery(
        "shadow-builtin",
        "names a function of its own as one that the test uses",
        WRONG + "def sum(things): return 2",
    ),
    Forgery(
        "patch-while-asked",
        "replaces a function when a test calls, and puts it back when the next cell starts",
        "import math\nreal = math.isclose\n"
        "def square(x):\n    if x == 2.5: math.isclose = lambda *a: True\n"
        "    else: math.isclose = real\n    return 0",
    ),
    Forgery(
        "strip-and-restore",
        "takes the asserts out of the tests, and leaves no trace after the last one",
        WRONG.replace("return 0", "stop(x); return 0")
        + _STRIP
        + "shell = get_ipython()\nshell.ast_transformers.append(Strip())\n"
        "def stop(x):\n    if x == 2: shell.ast_transformers.clear()",
    ),
]

# Of no use against ours.
FUTILE = [
    Forgery(
        "shadow-import",
        "hands in a module under the name that tests import",
        files={"colorsys.py": "def rgb_to_hsv(*a):\n    return 0, 0, 6.25\n"},
        stock="resisted",
    ),
    Forgery(
        "hide-traceback",
        "has errors shown nowhere",
        WRONG + "type(get_ipython()).showtraceback = lambda *a, **k: None",
        stock="resisted",
        seen=True,
    ),
    Forgery(
        "custom-exception",
        "gives IPython a handler of its own for failed assertions",
        WRONG + "get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)",
        stock="resisted",
    ),
    Forgery(
        "replace-print",
        "replaces print and the display hook of Python",
        WRONG + "import builtins, sys\nbuiltins.print = lambda *a, **k: None\n"
        "sys.displayhook = lambda value: None",
        stock="resisted",
        seen=True,
    ),
    Forgery(
        "replace-kernel",
        "turns into another program, which says to every cell that all went well",
        "import ipykernel, os, sys\nkernel = get_ipython().kernel\n"
        "code = '''\n"
        "import json, sys, time, zmq\nfrom jupyter_client.session import Session\n"
        "known, parent = json.load(open(sys.argv[1])), json.loads(sys.argv[2])\n"
        "def bind(kind, name):\n    made = zmq.Context.instance().socket(kind)\n"
        "    start = known['transport'] + '://' + known['ip']\n"
        "    mark = ':' if known['transport'] == 'tcp' else '-'\n"
        "    made.bind(start + mark + str(known[name + '_port']))\n"
        "    return made\n"
        "shell, control, heart = (bind(zmq.ROUTER, n) for n in ('shell', 'control', 'hb'))\n"
        "iopub = bind(zmq.PUB, 'iopub')\n"
        "session = Session(key=known['key'].encode())\n"
        "def answer(parent, ident):\n    content = {'status': 'ok', 'execution_count': 1}\n"
        "    session.send(shell, 'execute_reply', content, parent, ident=ident)\n"
        "    session.send(iopub, 'status', {'execution_state': 'idle'}, parent, ident=b'status')\n"
        "time.sleep(1.5); answer(parent, bytes.fromhex(sys.argv[3]))\n"
        "poll = zmq.Poller()\nfor one in (shell, control, heart): poll.register(one, zmq.POLLIN)\n"
        "while True:\n    for one, _ in poll.poll():\n"
        "        if one is heart: heart.send_multipart(heart.recv_multipart()); continue\n"
        "        ident, got = session.recv(one, mode=0)\n"
        "        if got['msg_type'] == 'shutdown_request': sys.exit()\n"
        "        if got['msg_type'] == 'execute_request': answer(got, ident)\n'''\n"
        "import json\nparent = kernel.get_parent()\n"
        "parent = json.dumps({'header': parent['header']}, default=str)\n"
        "ident = b''.join(kernel._parent_ident['shell']).hex()\n"
        "os.execv(sys.executable, [sys.executable, '-c', code,\n"
        "    ipykernel.get_connection_file(), parent, ident])",
    ),
]
