"""The package: quick to import, every public name where it says, and one meaning a name."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import course_lib


def run(program):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_it_loads_nothing_else():
    loaded = json.loads(
        run("import sys, json, course_lib; print(json.dumps([*sys.modules]))"),
    )
    heavy = {"torch", "numpy", "scipy", "pandas", "matplotlib", "typer", "rich"}
    assert not heavy & set(loaded)
    assert [name for name in loaded if name.startswith("course_lib")] == ["course_lib"]


@pytest.mark.parametrize("module", ["quantities", "closed_form", "host"])
def test_standard_library_modules_need_nothing_else(module):
    program = (
        "import sys; before = {name.split('.')[0] for name in sys.modules};"
        f"import course_lib.{module}; after = {{name.split('.')[0] for name in sys.modules}};"
        "print(sorted(after - before - set(sys.stdlib_module_names)))"
    )
    assert run(program) == "['course_lib']"


@pytest.mark.parametrize("name", course_lib.__all__)
def test_every_public_name_is_what_its_module_defines(name):
    value = getattr(course_lib, name)
    assert name in dir(course_lib)
    if name == "__version__":
        return
    home = import_module(f"course_lib.{course_lib._HOME[name]}")
    assert value is getattr(home, name) is getattr(course_lib, name)
    assert callable(value) and value.__doc__ and value.__module__.startswith("course_lib.")


def test_every_public_name_is_known_to_type_checkers():
    tree = ast.parse(Path(course_lib.__file__).read_text(encoding="utf-8"))
    guarded = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.If)
        for inner in node.body
        if isinstance(inner, ast.ImportFrom)
        for alias in inner.names
    }
    assert guarded == set(course_lib.__all__) - {"__version__"}


@pytest.mark.parametrize(
    "first",
    [
        "import course_lib.passport",
        "from course_lib import Passport",
    ],
)
def test_passport_is_the_function_whatever_came_before(first):
    program = f"{first}; import course_lib; from course_lib import passport;"
    program += "import course_lib.passport as again; print(passport.__name__, callable(passport),"
    program += "course_lib.passport is passport)"
    assert run(program) == "passport True True"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"has no 'cuont'; it has .*Estimate.*, count, "):
        _ = course_lib.cuont
    with pytest.raises(ImportError):
        from course_lib import cuont  # noqa: F401


def test_the_version_is_the_project_s():
    from importlib.metadata import version

    assert course_lib.__version__ == version("counting-the-cost")
