"""The installer: what it decides, what it remembers, what an interruption leaves. No network."""

import ast
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "deploy"))

import install  # noqa: E402
from installing import assets, steps, system  # noqa: E402


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the two files that an installation depends on, and no ``.venv``."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.0.0\ntorch==2.13.0\n")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    return tmp_path


@pytest.fixture
def venv(project):
    """An environment without packages, whose commands are links to this interpreter."""
    venv = project / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    return venv


@pytest.fixture
def pip(monkeypatch):
    """Every call of pip, none of which is made."""
    calls = []
    monkeypatch.setattr(install, "pip_install", lambda venv, *words: calls.append(words))
    monkeypatch.setattr(install, "torch_index", lambda: None)
    return calls


def fake_interpreter(path: Path, version: str) -> Path:
    path.write_text(f'#!/bin/sh\necho "{version}"\n')
    path.chmod(0o755)
    return path


def test_an_old_python_can_read_the_installer_and_be_refused_by_it():
    files = [ROOT / "deploy" / "install.py", *(ROOT / "deploy" / "installing").glob("*.py")]
    for file in files:
        ast.parse(file.read_text(encoding="utf-8"), filename=str(file), feature_version=(3, 8))


# --- stamps ---


def test_a_stamp_holds_for_its_key_only(tmp_path):
    stamp = tmp_path / "stamp"
    assert not steps.stamped(stamp, "a")
    steps.write_stamp(stamp, "a")
    assert steps.stamped(stamp, "a")
    assert not steps.stamped(stamp, "b")
    assert [file.name for file in tmp_path.iterdir()] == ["stamp"]


def test_digest_depends_on_contents_order_and_boundaries(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x")
    two.write_text("y")
    assert steps.digest(one, two) != steps.digest(two, one)
    assert steps.digest("ab", "c") != steps.digest("a", "bc")
    before = steps.digest(one)
    one.write_text("z")
    assert steps.digest(one) != before


def test_the_second_installation_calls_nothing(venv, pip):
    install.install_packages(venv, install.COURSE_EXTRAS)
    assert pip == [("torch",), ("-e", ".[book,counters,energy,grade]")]
    pip.clear()
    install.install_packages(venv, install.COURSE_EXTRAS)
    assert pip == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_file_installs_again(project, venv, pip, name):
    install.install_packages(venv, install.COURSE_EXTRAS)
    pip.clear()
    with (project / name).open("a") as file:
        file.write("# changed\n")
    install.install_packages(venv, install.COURSE_EXTRAS)
    assert ("-e", ".[book,counters,energy,grade]") in pip


def test_what_tests_need_covers_the_course_but_not_the_reverse(venv, pip):
    assert set(install.COURSE_EXTRAS) < set(install.TEST_EXTRAS)
    install.install_packages(venv, install.COURSE_EXTRAS)
    pip.clear()
    install.install_packages(venv, install.TEST_EXTRAS)
    assert ("-e", ".[book,cluster,counters,energy,grade,test]") in pip
    pip.clear()
    install.install_packages(venv, install.COURSE_EXTRAS)
    assert pip == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, steps.InstallError("pip failed")])
@pytest.mark.parametrize("stopped_at", ["torch", "-e"])
def test_an_interrupted_installation_leaves_no_stamp(
    project, venv, pip, monkeypatch, error, stopped_at
):
    install.install_packages(venv, install.COURSE_EXTRAS)
    (project / "constraints.txt").write_text("numpy==2.1.0\ntorch==2.13.0\n")

    def interrupted(venv, *words):
        if stopped_at in words:
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(install, "pip_install", interrupted)
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            install.install_packages(venv, install.COURSE_EXTRAS)
    assert list(venv.glob(".installed-*")) == []
    pip.clear()
    install.install_packages(venv, install.COURSE_EXTRAS)
    assert ("-e", ".[book,counters,energy,grade]") in pip


# --- the environment ---


def test_a_package_that_was_cut_off_is_found(venv, monkeypatch):
    monkeypatch.chdir(ROOT)  # where the course's own egg-info lies, which is no package of .venv
    site = next(venv.glob("lib/python*/site-packages"), venv / "Lib" / "site-packages")
    for name, files in {"whole": ["METADATA", "INSTALLER"], "half": ["METADATA"]}.items():
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        for file in files:
            (info / file).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    assert install.half_written(venv) == "half"


def test_an_environment_is_usable_only_where_it_was_made_and_while_it_runs(project, monkeypatch):
    venv = project / ".venv"
    assert install.usable(venv) == ()
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    assert install.usable(venv) == tuple(sys.version_info[:3])
    moved = project / "elsewhere"
    shutil.copytree(venv, moved, symlinks=True)
    assert install.usable(moved) == ()
    for python in install.scripts(venv).glob("python*"):
        python.unlink()
    assert install.usable(venv) == ()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreter is a shell script")
@pytest.mark.parametrize("version", ["3 10 14", "3 14 0", "2 7 18"])
def test_another_python_is_refused_by_name(tmp_path, version):
    python = fake_interpreter(tmp_path / "python", version)
    with pytest.raises(steps.InstallError) as refusal:
        install.choose_python({"PYTHON": str(python)})
    message = str(refusal.value)
    assert str(python) in message
    assert version.replace(" ", ".") in message
    assert all(allowed in message for allowed in ("3.11", "3.12", "3.13", "PYTHON="))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreter is a shell script")
@pytest.mark.parametrize("version", ["3 11 0", "3 12 1", "3 13 9"])
def test_the_three_versions_are_accepted(tmp_path, version):
    python = fake_interpreter(tmp_path / "python", version)
    assert install.choose_python({"PYTHON": str(python)}) == str(python)


def test_an_interpreter_that_does_not_run_is_named(tmp_path):
    with pytest.raises(steps.InstallError, match="nowhere"):
        install.choose_python({"PYTHON": str(tmp_path / "nowhere")})


# --- where torch comes from ---


class Quiet(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """A function that serves a status on loopback and returns the address."""
    servers = []

    def start(status):
        handler = type("Handler", (Quiet,), {"status": status})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/whl/cpu"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_index_answers_with_status_200_only(serve):
    assert install.answers(serve(200))
    assert not install.answers(serve(403))
    assert not install.answers(serve(404))


def test_an_index_that_hangs_or_is_not_there_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert not install.answers(address, seconds=0.2)
    assert not install.answers(address, seconds=0.2)
    assert not install.answers("not an address", seconds=0.2)


@pytest.mark.parametrize(
    ("wanted", "platform", "gpu", "reachable", "index"),
    [
        ("", "linux", False, True, install.CPU_INDEX),
        ("", "linux", False, False, None),
        ("", "linux", True, True, None),
        ("", "darwin", False, True, None),
        ("", "win32", False, True, None),
        ("default", "linux", False, True, None),
        ("https://example.org/whl/cu", "linux", False, True, "https://example.org/whl/cu"),
        ("https://example.org/whl/cu", "darwin", True, False, "https://example.org/whl/cu"),
    ],
)
def test_torch_comes_from(wanted, platform, gpu, reachable, index):
    decided = install.torch_index(
        {"TORCH_INDEX": wanted}, platform, gpu=lambda: gpu, reachable=lambda address: reachable
    )
    assert decided == index


def test_the_index_is_not_asked_where_it_does_not_matter():
    def asked(address):
        raise AssertionError(f"asked {address}")

    for environment, platform, gpu in [
        ({"TORCH_INDEX": "default"}, "linux", False),
        ({}, "darwin", False),
        ({}, "linux", True),
    ]:
        install.torch_index(environment, platform, gpu=lambda gpu=gpu: gpu, reachable=asked)


def test_a_cpu_index_that_fails_gives_way_unless_it_was_named(project, venv, monkeypatch):
    calls = []

    def pip(venv, *words):
        calls.append(words)
        if "--index-url" in words:
            raise steps.InstallError("no such wheel")

    monkeypatch.setattr(install, "pip_install", pip)
    monkeypatch.setattr(install, "torch_index", lambda: "http://index")
    install.install_torch(venv, project / "constraints.txt")
    assert calls == [("--index-url", "http://index", "--no-deps", "torch"), ("torch",)]
    monkeypatch.setenv("TORCH_INDEX", "http://index")
    with pytest.raises(steps.InstallError):
        install.install_torch(venv, project / "constraints.txt")


@pytest.mark.parametrize(
    ("there", "calls"), [("2.13.0+cpu", []), ("2.13.0", []), ("2.12.0", [("torch",)])]
)
def test_torch_of_the_pinned_version_stays_in_any_build(project, venv, pip, there, calls):
    site = next(venv.glob("lib/python*/site-packages"), venv / "Lib" / "site-packages")
    info = site / f"torch-{there}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {there}\n")
    install.install_torch(venv, project / "constraints.txt")
    assert pip == calls


# --- npm and the files of the book ---


def fake_npm(folder: Path, version: str) -> Path:
    """An npm that reports a version, and on ``npm ci`` makes every file that the book serves."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [pattern.replace("*", "some") for pattern, _ in assets.ASSETS]
    making = "\n".join(f"mkdir -p {Path(file).parent} && echo {file} > {file}" for file in files)
    npm = folder / "npm"
    npm.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo {version}; exit 0; }}\n'
        f"rm -rf node_modules && mkdir node_modules && cd node_modules\n{making}\n"
    )
    npm.chmod(0o755)
    return npm


@pytest.fixture
def book(tmp_path):
    """A folder with a lock file."""
    book = tmp_path / "book"
    book.mkdir()
    (book / "package-lock.json").write_text("{}")
    return book


@pytest.fixture
def no_npm(tmp_path, monkeypatch):
    """A PATH with what a shell script needs, and no npm."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "mkdir", "rm"):
        (tools / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tools))
    return tools


posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in npm is a shell script")


@posix
def test_npm_on_the_path_comes_first_if_it_is_new_enough(tmp_path, no_npm):
    own = fake_npm(tmp_path / "own", "11.0.0")
    assert assets.find_npm(own.parent) == str(own)
    theirs = fake_npm(no_npm, "6.14.0")
    assert assets.find_npm(own.parent) == str(own)
    fake_npm(no_npm, "10.2.0")
    assert assets.find_npm(own.parent) == str(theirs)


@posix
def test_without_npm_one_is_brought_once(tmp_path, book, no_npm):
    own, brought = tmp_path / "own", []

    def bring():
        brought.append(fake_npm(own, "11.0.0"))

    assets.install_assets(book, own, bring)
    assets.install_assets(book, own, bring)
    assert len(brought) == 1
    for pattern, place in assets.ASSETS:
        name = Path(pattern.replace("*", "some")).name
        served = place + name if place.endswith("/") else place
        assert (book / "_static" / "vendor" / served).is_file()


@posix
def test_no_npm_at_all_is_an_error_and_leaves_no_stamp(book, tmp_path, no_npm):
    with pytest.raises(steps.InstallError, match=r"Node\.js"):
        assets.install_assets(book, tmp_path / "own", lambda: None)
    assert list(book.rglob(assets.STAMP)) == []


@posix
def test_a_changed_lock_downloads_again_and_a_lost_copy_only_copies(book, tmp_path, no_npm):
    npm = fake_npm(no_npm, "10.0.0")
    own = tmp_path / "own"
    assets.install_assets(book, own, None)
    vendor = assets.vendor_folder(book)
    shutil.rmtree(vendor)
    npm.rename(tmp_path / "put-away")
    assets.install_assets(book, own, None)  # no npm, and none needed
    assert (vendor / assets.STAMP).is_file()
    (book / "package-lock.json").write_text('{"changed": true}')
    with pytest.raises(TypeError):  # now it is, and bringing one is impossible here
        assets.install_assets(book, own, None)


@posix
def test_a_copy_that_fails_leaves_what_was_served_before(book, tmp_path, no_npm):
    fake_npm(no_npm, "10.0.0")
    assets.install_assets(book, tmp_path / "own", None)
    vendor = assets.vendor_folder(book)
    before = sorted(vendor.rglob("*"))
    (book / "node_modules" / "mathjax" / "LICENSE").unlink()
    with pytest.raises(steps.InstallError, match="mathjax/LICENSE"):
        assets.copy_assets(book / "node_modules", vendor, "another key")
    assert sorted(vendor.rglob("*")) == before
    assert [folder.name for folder in vendor.parent.iterdir()] == ["vendor"]


# --- packages of the system ---


@posix
def test_a_browser_that_does_not_run_is_no_browser(tmp_path, monkeypatch):
    stub = tmp_path / "chromium"
    stub.write_text("#!/bin/sh\necho 'requires the chromium snap' >&2\nexit 1\n")
    stub.chmod(0o755)
    assert system.find_browser({"CHROMIUM": str(stub)}) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "does not run" in system.advice("browser")
    stub.write_text("#!/bin/sh\necho Chromium 150\n")
    assert system.find_browser({"CHROMIUM": str(stub)}) == str(stub)


def test_a_missing_need_is_named_and_the_rest_goes_on(monkeypatch, capsys):
    monkeypatch.setitem(system.NEEDS, "sandbox", lambda: None)
    monkeypatch.setattr(system, "apt_install", lambda package: False)
    system.install_system_packages(["sandbox"])
    printed = capsys.readouterr().out
    assert "bubblewrap" in printed
    assert system.advice("sandbox") in printed
