"""Files through a socket: whole or not at all, below the folder, and never more than allowed."""

import os
import socket
import stat
import tempfile
import threading
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from course_lib.grading.sandbox import carrying
from course_lib.grading.sandbox.carrying import FILE, Caps, CarryingError

CAPS = Caps(file_bytes=1000, total_bytes=5000, entries=50)
names = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def carry(source: Path, target: Path, caps: Caps = CAPS, **options) -> dict[str, str]:
    """Through a socket pair, from a thread."""
    here, there = socket.socketpair()
    with here, there:
        thread = threading.Thread(
            target=carrying.send_folder, args=(here, source, caps), kwargs=options
        )
        thread.start()
        refused = carrying.receive_folder(there, target, caps)
        thread.join()
    return refused


def receive(data: bytes, target: Path, caps: Caps = CAPS) -> dict[str, str]:
    """What the receiver makes of any bytes."""
    here, there = socket.socketpair()
    with there:
        with here:
            thread = threading.Thread(target=_feed, args=(here, data))
            thread.start()
            thread.join(0.2) if len(data) < 10_000 else None
            here.shutdown(socket.SHUT_WR) if not thread.is_alive() else None
            refused = carrying.receive_folder(there, target, caps)
            thread.join()
        return refused


def _feed(end: socket.socket, data: bytes) -> None:
    end.sendall(data)


def entry(kind: int, name: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return (
        carrying._HEADER.pack(kind, len(name), len(content) if size is None else size)
        + name
        + content
    )


END = carrying._HEADER.pack(carrying.END, 0, 0)


@given(st.dictionaries(paths, st.binary(max_size=300), max_size=8))
@settings(max_examples=40)
def test_what_is_sent_arrives_as_it_was(files):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.mkdir()
        target.mkdir()
        wrote = {}
        for name, content in files.items():
            try:
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(content)
            except OSError:  # one name is a folder of another
                continue
            wrote[name] = content
        assert carry(source, target) == {}
        found = {
            path.relative_to(target).as_posix(): path.read_bytes()
            for path in target.rglob("*")
            if path.is_file()
        }
        assert found == {
            path.relative_to(source).as_posix(): path.read_bytes()
            for path in source.rglob("*")
            if path.is_file()
        }


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_no_bytes_do_more_than_raise(data):
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "target")
        target.mkdir()
        try:
            receive(data, target)
        except CarryingError:
            pass
        assert os.listdir(folder) == ["target"]


@pytest.mark.parametrize(
    "name",
    [b"../out", b"/out", b"a/../../out", b"", b"a//b", b"a\x1b]0;x\x07", b"a\nb", b"\xff\x00"],
)
def test_odd_names_are_refused_and_the_rest_arrives(tmp_path, name):
    target = tmp_path / "target"
    target.mkdir()
    data = entry(FILE, name, b"bad") + entry(FILE, b"good", b"good") + END
    if not name:
        with pytest.raises(CarryingError):
            receive(data, target)
        return
    assert len(receive(data, target)) == 1
    assert [path.name for path in target.iterdir()] == ["good"]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_link_on_the_way_is_not_followed(tmp_path):
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "way").symlink_to(outside)
    (target / "file").symlink_to(outside / "file")
    refused = receive(entry(FILE, b"way/x", b"1") + entry(FILE, b"file", b"2") + END, target)
    assert list(refused) == ["way/x"]
    assert list(outside.iterdir()) == []
    assert not (target / "file").is_symlink() and (target / "file").read_bytes() == b"2"


def test_what_is_no_file_is_named_and_not_sent(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(source / "door"))
        refused = carry(source, target)
    assert refused == dict.fromkeys(("door", "link", "pipe"), carrying.NOT_REGULAR)
    assert list(target.iterdir()) == []


@given(st.lists(st.integers(0, 3000), max_size=10), st.integers(1, 1500), st.integers(1, 4000))
@settings(max_examples=40)
def test_no_more_arrives_than_allowed(sizes, file_bytes, total_bytes):
    caps = Caps(file_bytes, total_bytes, entries=6)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        data = b"".join(entry(FILE, b"%d" % n, bytes(size)) for n, size in enumerate(sizes))
        refused = receive(data + END, target, caps)
        arrived = [path.stat().st_size for path in target.iterdir()]
        assert sum(arrived) <= total_bytes and max(arrived, default=0) <= file_bytes
        assert len(arrived) <= 6
        assert len(refused) == min(len(sizes) - len(arrived), caps.entries)  # words are capped too


def test_no_right_to_run_as_somebody_else_arrives(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (source / "sh").write_bytes(b"x")
    (source / "sh").chmod(0o6755)
    carry(source, target)
    assert stat.S_IMODE((target / "sh").stat().st_mode) == 0o644


def test_a_stream_that_ends_early_leaves_no_half_file(tmp_path):
    data = entry(FILE, b"whole", b"1") + entry(FILE, b"half", b"1", size=100)
    with pytest.raises(CarryingError, match="early"):
        receive(data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_only_what_has_changed_is_sent_again(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("same", "changed"):
        (source / name).write_text("1")
    known = {name: carrying.identify(status) for name, status in carrying.list_files(source)}
    before = (source / "changed").stat()
    (source / "changed").write_text("2")
    os.utime(source / "changed", ns=(before.st_atime_ns, before.st_mtime_ns))
    carry(source, target, known=known)
    assert [path.name for path in target.iterdir()] == ["changed"]
