"""The house rules that a tool can check: style, floors, versions, what may be committed."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "course_lib"

# A module of course_lib imports only from floors below its own.
FLOORS = {
    "quantities": 0,
    "files": 0,
    "facts": 1,
    "closed_form": 1,
    "closed_band": 1,
    "devices": 1,
    "host": 0,
    "publishing": 0,
    "footprint": 2,
    "counting": 2,
    "metering": 2,
    "models": 2,
    "passport": 3,
    "tasks": 4,
    "training": 3,
    "scaling": 3,
    "fairness": 3,
    "explaining": 3,
    "shrinking": 3,
    "vision_metrics": 3,
    "sweeps": 4,
    "workers": 3,
    "forecasting": 4,
    "predicting": 4,
    "checking": 5,
    "plotting": 5,
    "diagnosis": 5,
    "grading": 6,
    "sphinx_ext": 6,
    "cli": 7,
}
STANDARD_LIBRARY_ONLY = {
    *("quantities", "files", "host", "publishing", "footprint", "closed_form", "closed_band"),
}


def git_files(*patterns: str) -> list[Path]:
    """Committed (or staged) files that exist."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


if not (ROOT / ".git").exists():
    pytest.skip("not a git checkout: what is committed is unknown", allow_module_level=True)


def read_text(file: Path) -> str | None:
    """Contents of a text file, None of a binary one."""
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def run_tool(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


# --- style ---


def test_ruff_finds_nothing():
    result = run_tool("ruff", "check", "--output-format=concise", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_would_format_nothing():
    result = run_tool("ruff", "format", "--check", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_notebooks_are_committed_without_outputs():
    notebooks = [str(file) for file in git_files("*.ipynb")]
    if not notebooks:
        pytest.skip("no notebook is committed")
    result = run_tool("nbstripout", "--verify", *notebooks)
    assert result.returncode == 0, result.stdout + result.stderr


# --- course_lib ---


def module_of(file: Path) -> str:
    """Name of the floor's module that a file belongs to; empty for course_lib itself."""
    first = file.relative_to(LIBRARY).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    """Nodes below ``if TYPE_CHECKING:``, which never run."""
    return {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }


def imports(source: str, package: str) -> set[str]:
    """Full names of what a file imports, anywhere in it, also through import_module("...")."""
    tree = ast.parse(source)
    skipped = type_checking_only(tree)
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    return found


def library_imports() -> list[tuple[Path, str, set[str]]]:
    """Each file of course_lib, its module, and what it imports."""
    rows = []
    for file in sorted(LIBRARY.rglob("*.py")):
        package = ".".join(file.parent.relative_to(ROOT).parts)
        found = imports(file.read_text(encoding="utf-8"), package)
        rows.append((file, module_of(file), found))
    return rows


def test_the_reader_of_imports_sees_all_kinds():
    source = """
import os, course_lib.a
from course_lib import b
from . import c
from .d import e
from ..f import g
if TYPE_CHECKING:
    from course_lib import never
def later():
    from course_lib.h import i
    import_module("course_lib.j")
"""
    assert imports(source, "course_lib.x") == {
        "os",
        "course_lib.a",
        "course_lib.b",
        "course_lib.x.c",
        "course_lib.x.d.e",
        "course_lib.f.g",
        "course_lib.h.i",
        "course_lib.j",
    }


def test_every_module_has_a_floor():
    modules = {module for _, module, _ in library_imports() if module}
    assert modules <= set(FLOORS), f"give a floor to {sorted(modules - set(FLOORS))}"


def test_imports_go_down():
    names = {f"course_lib.{module}": module for module in FLOORS}
    upwards = [
        f"{file.relative_to(ROOT)} on floor {FLOORS[module]}: {target} is on {FLOORS[other]}"
        for file, module, found in library_imports()
        if module
        for target in sorted(found)
        for other in [names.get(".".join(target.split(".")[:2]))]
        if other and other != module and FLOORS[other] >= FLOORS[module]
    ]
    assert upwards == []


def test_only_the_command_line_imports_grading():
    users = {
        module
        for _, module, found in library_imports()
        if any(target.startswith("course_lib.grading") for target in found)
    }
    assert users <= {"grading", "cli"}


def test_the_ground_floor_needs_only_the_standard_library():
    allowed = set(sys.stdlib_module_names) | {"course_lib"}
    foreign = [
        f"{file.relative_to(ROOT)} imports {target}"
        for file, module, found in library_imports()
        if module in STANDARD_LIBRARY_ONLY
        for target in sorted(found)
        if target.split(".")[0] not in allowed
    ]
    assert foreign == []


def test_importing_course_lib_loads_nothing_else():
    """What makes it quick: no third-party package is imported before a name is used."""
    program = (
        "import sys; before = set(sys.modules); import course_lib; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    foreign = set(result.stdout.split()) - set(sys.stdlib_module_names) - {"course_lib"}
    assert foreign == set()


# --- what is committed ---


def test_no_path_of_one_machine_is_committed():
    pattern = re.compile(r"(?<![\w.}])/(?:work|root|home|Users)/\w")
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in git_files()
        for number, line in enumerate((read_text(file) or "").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_committed_files_are_small():
    large = [
        f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes"
        for file in git_files()
        if file.stat().st_size >= 1_000_000
    ]
    assert large == []


def test_the_lock_of_the_scripts_records_no_addresses():
    lock = json.loads((ROOT / "book" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_the_scripts_have_exact_versions_and_the_lock_has_the_same():
    manifest = json.loads((ROOT / "book" / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "book" / "package-lock.json").read_text(encoding="utf-8"))
    wanted = {**manifest["dependencies"], **manifest["devDependencies"]}
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_every_requirement_has_one_resolved_version():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    assert len(versions) == len(pins)
    assert all(re.fullmatch(r"==[\w.!]+", version) for version in versions.values())

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    for text in [*project["dependencies"], *(text for extra in extras for text in extra)]:
        wanted = Requirement(text)
        pinned = versions.get(canonicalize_name(wanted.name))
        assert pinned, f"{wanted.name} is not in constraints.txt"
        assert wanted.specifier.contains(pinned.removeprefix("==")), f"{wanted} but {pinned}"


def test_what_runs_elsewhere_installs_pinned_versions():
    """On Binder and in the dev container: the same requirements, each with a resolved version."""
    container = json.loads(
        (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    )
    assert container["postCreateCommand"].endswith("-r binder/requirements.txt")
    text = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    lines = {line for line in text.splitlines() if line and not line.startswith("#")}
    assert {"-c ../constraints.txt", "."} < lines
    names = {line for line in lines if not line.startswith(("-", "."))}
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert {"torch", "jupyterlab"} <= names <= {pin.partition("==")[0] for pin in pins}
    python = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert python.replace("-", ":") in container["image"]


# --- what is said about it ---


def test_the_readme_names_the_two_commands_and_every_target():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert {"course", "test"} <= targets
    for target in targets:
        assert f"`make {target}`" in readme, target
    for target in set(re.findall(r"make ([a-z]+(?:-[a-z]+)*)\b[`,]", readme)):
        assert target in targets, f"README names make {target}"


def test_the_documents_link_to_files_that_exist():
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert "://" in target or (ROOT / target).exists(), f"{name} links to {target}"


def test_the_citation_is_complete():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert [author["name"] for author in citation["authors"]] == [
        "the Counting the Cost contributors"
    ]


def test_all_documents_name_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    assert project["version"] == str(citation["version"]) == newest.group(1)


def test_the_licences_are_whole():
    code = (ROOT / "LICENSE").read_text(encoding="utf-8")
    text = (ROOT / "LICENSE-text").read_text(encoding="utf-8")
    assert code.startswith("BSD 3-Clause License")
    assert 'PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"' in code
    assert "Creative Commons Attribution 4.0 International Public" in text
    assert all(f"Section {number} -- " in text for number in range(1, 9))
