"""What is collected: each student's files whole, nothing of anybody else, nothing elsewhere."""

import io
import stat
import tempfile
import zipfile
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.coursedir import CourseDirectory

from course_lib.grading.course import Course
from course_lib.grading.exchange.archive import ArchiveLimits, listing, open_archive
from course_lib.grading.exchange.collect import collect
from course_lib.grading.exchange.command import run_collect
from course_lib.grading.exchange.naming import settle_names
from course_lib.grading.exchange.people import Student
from course_lib.grading.exchange.planning import plan_collect
from course_lib.grading.exchange.tables import ExchangeError, parse_table
from course_lib.grading.exchange.times import zone_named
from course_lib.grading.guard.intake import IntakeLimits
from tests.grading.exchange.helpers import archive, tree
from tests.grading.exchange.test_export import CANVAS, MOODLE


def course_at(root):
    """A course directory without a gradebook: collecting needs only its layout."""
    return Course(SimpleNamespace(coursedir=CourseDirectory(root=str(root))), "ps1")


def collected(root, entries, system="canvas", table=None, *, students=(), force=False, **options):
    """Collect an archive; by student the state."""
    path = archive(entries, Path(root) / "in.zip")
    with open_archive(path) as opened:
        found = listing(opened)
    given_table = None if table is None else parse_table(table.encode())
    options.setdefault("zone", UTC)
    plan = plan_collect(found, system, students, given_table, **options)
    limits = IntakeLimits(file_bytes=5_000_000, total_bytes=8_000_000)
    rows = collect(course_at(root), path, plan, ["p1"], force=force, limits=limits)
    return {row.student: row for row in rows}, plan


def submitted(root):
    return tree(Path(root) / "submitted")


# --- laws ---

evil = st.sampled_from(
    ["..", ".", "", "/", "\\", "C:", "a", "p1.ipynb", "p1 (1).ipynb", "\u202e", "x\n", "~", "é"]
)
odd_names = st.lists(evil, min_size=1, max_size=4).map("/".join)
prefixes = st.sampled_from(
    ["", "/", "../", "ada_1_2_", "ada_LATE_1_3_", "bob_2_9_../", "Ada_1_assignsubmission_file_/",
     "Ada_1_assignsubmission_file/../", "_7_assignsubmission_file_", "../Ada_1_assignsubmission_"]
)  # fmt: skip
names = st.tuples(prefixes, odd_names).map("".join).filter(bool)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(names, st.binary(max_size=20), st.sampled_from([0, 0o120777, 0o010644]))),
    st.sampled_from(["canvas", "moodle"]),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_is_written_outside_submitted_and_again_changes_nothing(entries, system):
    with tempfile.TemporaryDirectory() as root:
        packed = []
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            packed.append((info, data))
        try:
            collected(root, packed, system)
        except ExchangeError:
            assert submitted(root) == {}
            return
        outside = {name for name in tree(Path(root)) if not name.startswith("submitted/")}
        assert outside == {"in.zip"}
        assert all(name.split("/")[1] == "ps1" for name in submitted(root))
        assert not any(path.is_symlink() for path in Path(root).rglob("*"))
        before = submitted(root)
        again, _ = collected(root, packed, system)
        assert submitted(root) == before
        assert {row.state for row in again.values()} <= {"unchanged", "refused"}


@given(
    st.dictionaries(
        st.sampled_from(["p1", "P1", "p1-1", "p1 (2)", "q", "p 2", "p2-3", "p1 copy"]).flatmap(
            lambda stem: st.sampled_from([f"{stem}.ipynb", f"{stem}.csv", f"d/{stem}.ipynb"])
        ),
        st.integers(0, 2),
    ),
    st.sampled_from([["p1"], ["p1", "p-2"], ["p1", "p1-1"]]),
)
def test_no_two_files_get_one_name_and_a_right_name_stays(order, expected):
    new = settle_names(order, expected, ["p1.csv"]).new
    assert len(set(new.values())) == len(new)
    assert set(new) <= set(order)
    # What is left out is a notebook of which a newer one is there.
    assert all(old.endswith(".ipynb") for old in set(order) - set(new))
    for stem in expected:
        name = f"{stem}.ipynb"
        if name in order and order[name] == max(order.values()):
            assert name in new.values()


# --- Canvas ---


def test_canvas_names_go_back_and_the_newest_counts(tmp_path):
    rows, _ = collected(
        tmp_path,
        [
            ("lovelaceada_101_500_p1.ipynb", b"old"),
            ("lovelaceada_101_501_p1-1.ipynb", b"new"),
            ("lovelaceada_101_502_records-1.jsonl", b"r"),
            ("babbagecharles_LATE_102_503_P1+%281%29.ipynb", b"only"),
            ("babbagecharles_LATE_102_504_records.jsonl", b"s"),
        ],
        table=CANVAS,
    )
    assert submitted(tmp_path) == {
        "ada/ps1/p1.ipynb": b"new",
        "ada/ps1/records.jsonl": b"r",
        "charles/ps1/p1.ipynb": b"only",
        "charles/ps1/records.jsonl": b"s",
    }
    assert "left out: p1.ipynb" in "\n".join(rows["ada"].notes)
    assert "LATE" in "\n".join(rows["charles"].notes)


def test_without_a_roster_the_gradebook_knows_the_numbers(tmp_path):
    entries = [("x_101_1_p1.ipynb", b"a"), ("y_102_2_p1.ipynb", b"b")]
    collected(tmp_path, entries, students=[Student("ada", lms_user_id="101")])
    assert set(submitted(tmp_path)) == {"ada/ps1/p1.ipynb", "102/ps1/p1.ipynb"}


# --- Moodle ---


def test_moodle_folders_of_old_and_new_versions_and_flat_names(tmp_path):
    rows, plan = collected(
        tmp_path,
        [
            ("Ada Lovelace_11_assignsubmission_file_/p1.ipynb", b"a"),
            ("Ada Lovelace_11_assignsubmission_onlinetext/onlinetext.html", b"hello"),
            ("Charles Babbage_12_assignsubmission_file/data/x.csv", b"x"),
            ("Charles Babbage_12_assignsubmission_file/p1.ipynb", b"c"),
            ("Grace Hopper_13_assignsubmission_file_p1.ipynb", b"g"),
            ("Someone Else_99_assignsubmission_file/p1.ipynb", b"?"),
        ],
        "moodle",
        MOODLE,
        students=[Student("ada", email="ada@x.org")],
        zone=zone_named("Europe/Berlin"),
    )
    assert submitted(tmp_path) == {
        "ada/ps1/p1.ipynb": b"a",
        "ada/ps1/onlinetext.html": b"hello",
        "ada/ps1/timestamp.txt": b"2026-06-10 12:14:00 UTC",
        "charles@x.org/ps1/data/x.csv": b"x",
        "charles@x.org/ps1/p1.ipynb": b"c",
        "GRACE@x.org/ps1/p1.ipynb": b"g",
    }
    assert rows["Someone Else (99)"].state == "refused"
    assert "Europe/Berlin" in plan.notes[0]


def test_a_team_hands_in_for_all_its_members(tmp_path):
    header, *lines = MOODLE.splitlines()
    lines = [f"{line},Team {team}" for line, team in zip(lines, "AAB", strict=True)]
    table = "\n".join([f"{header},Group", *lines, ""])
    entries = [("Team A_13_assignsubmission_file/p1.ipynb", b"t")]
    collected(tmp_path, entries, "moodle", table)
    files = {name for name in submitted(tmp_path) if name.endswith(".ipynb")}
    assert files == {"ada@x.org/ps1/p1.ipynb", "charles@x.org/ps1/p1.ipynb"}


def test_zips_that_students_packed_are_opened_once(tmp_path):
    link = zipfile.ZipInfo("hw/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    inner = archive(
        [("hw/p1.ipynb", b"n"), ("hw/data/a.csv", b"1"), ("__MACOSX/._x", b""), (link, "/etc")]
    )
    rows, _ = collected(tmp_path, [("Ada_7_assignsubmission_file/hw.zip", inner)], "moodle")
    assert submitted(tmp_path) == {"7/ps1/p1.ipynb": b"n", "7/ps1/data/a.csv": b"1"}
    assert any("link" in note for note in rows["7"].notes)


# --- what is there already ---


def test_what_is_there_is_never_lost_silently(tmp_path):
    old, new = (zipfile.ZipInfo("a_1_5_p1.ipynb", (2026, 3, day, 10, 0, 0)) for day in (1, 2))
    first, _ = collected(tmp_path, [(old, b"old")], entry_times=True)
    newer, _ = collected(tmp_path, [(new, b"new")], entry_times=True)
    older, _ = collected(tmp_path, [(old, b"old")], entry_times=True)
    unknown, _ = collected(tmp_path, [(old, b"other")])
    assert [one["1"].state for one in (first, newer, older, unknown)] == [
        "collected", "replaced", "kept", "kept",
    ]  # fmt: skip
    assert submitted(tmp_path)["1/ps1/p1.ipynb"] == b"new"
    forced, _ = collected(tmp_path, [(old, b"other")], force=True)
    assert forced["1"].state == "replaced"
    assert submitted(tmp_path) == {"1/ps1/p1.ipynb": b"other"}


def test_a_student_cannot_bring_a_time(tmp_path):
    rows, _ = collected(tmp_path, [("a_1_5_p1.ipynb", b""), ("a_1_6_timestamp.txt", b"2020-01-01")])
    assert set(submitted(tmp_path)) == {"1/ps1/p1.ipynb"}
    assert any("timestamp.txt" in note for note in rows["1"].notes)


def test_a_link_in_the_way_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "submitted").mkdir()
    (tmp_path / "submitted" / "1").symlink_to(tmp_path / "elsewhere")
    rows, _ = collected(tmp_path, [("a_1_5_p1.ipynb", b"")])
    assert rows["1"].state == "refused"
    assert tree(tmp_path / "elsewhere") == {}


# --- damaged and hostile archives ---


def damaged(data):
    """An archive whose one file no longer fits its checksum."""
    raw = bytearray(archive([("b_2_2_p1.ipynb", data), ("a_1_1_p1.ipynb", b"fine")]))
    raw[40] ^= 0xFF
    return bytes(raw)


def flagged(bit):
    """An archive whose first file is marked in its flags."""
    raw = bytearray(archive([("b_2_2_p1.ipynb", b"x"), ("a_1_1_p1.ipynb", b"fine")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= bit
    return bytes(raw)


HOSTILE = {
    "damaged": damaged(b"hello, hello, hello"),
    "encrypted": flagged(1),
    "a bomb": archive([("b_2_2_x.bin", b"\0" * 4_000_000), ("a_1_1_p1.ipynb", b"fine")]),
    "too large": archive(
        [("b_2_2_x.bin", bytes(range(256)) * 40_000), ("a_1_1_p1.ipynb", b"fine")]
    ),
    "a bomb in a zip": archive(
        [("b_2_2_x.zip", archive([("x", b"\0" * 7_000_000), ("y", b"\1" * 7_000_000)])),
         ("a_1_1_p1.ipynb", b"fine")]
    ),
    "no zip in a zip": archive([("b_2_2_x.zip", b"PK not"), ("a_1_1_p1.ipynb", b"fine")]),
    "folder and file": archive(
        [("b_2_2_x.zip", archive([("q/x", b"1"), ("q/x/y", b"2"), ("p", b"")])),
         ("a_1_1_p1.ipynb", b"fine")]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_submission_costs_only_itself(kind, tmp_path):
    path = tmp_path / "in.zip"
    path.write_bytes(HOSTILE[kind])
    with open_archive(path) as opened:
        found = listing(opened)
    plan = plan_collect(found, "canvas", [], zone=UTC)
    limits = IntakeLimits(file_bytes=5_000_000, total_bytes=8_000_000)
    rows = collect(course_at(tmp_path), path, plan, ["p1"], limits=limits)
    states = {row.student: row.state for row in rows}
    assert states["1"] == "collected"
    assert submitted(tmp_path)["1/ps1/p1.ipynb"] == b"fine"
    assert states.get("2", "refused") == "refused"
    assert "2" in states or any("b_2_2" in name for name in plan.refused)
    assert set(submitted(tmp_path)) == {"1/ps1/p1.ipynb"}


def test_a_whole_archive_is_refused_where_it_is_none_or_too_much(tmp_path):
    whole = archive([("a_1_1_p1.ipynb", b"x" * 5000)])
    for bad in (b"", b"hello", whole[:-30], whole[: len(whole) // 2]):
        with pytest.raises(ExchangeError, match="zip"):
            open_archive(io.BytesIO(bad))
    with open_archive(io.BytesIO(whole)) as opened:
        with pytest.raises(ExchangeError, match="entries"):
            listing(opened, ArchiveLimits(entries=0))
        with pytest.raises(ExchangeError, match="bytes"):
            listing(opened, ArchiveLimits(total_bytes=4999))
    with pytest.raises(ExchangeError, match="another system"):
        collected(tmp_path, [("Ada_7_assignsubmission_file/p1.ipynb", b"")], "canvas")


def test_names_without_the_mark_of_utf_8_are_read(tmp_path):
    # Older Moodle packs UTF-8 and does not say so: zipfile reads another alphabet then.
    mangled = "Zoë_7_assignsubmission_file/é.csv".encode().decode("cp437")
    raw = archive([(mangled, b"1")])
    with open_archive(io.BytesIO(raw)) as opened:
        info = opened.infolist()[0]
        info.flag_bits &= ~0x800
        assert listing(opened).entries[0].name == "Zoë_7_assignsubmission_file/é.csv"


def test_the_command_from_zip_to_submitted(folder, tmp_path, capsys):
    zipped = archive([("lovelaceada_101_1_p1.ipynb", b"{}")], tmp_path / "z.zip")
    roster = tmp_path / "r.csv"
    roster.write_bytes(CANVAS.encode())
    assert run_collect("ps1", folder, zipped, source="canvas", roster=roster) == 0
    assert "ada" in capsys.readouterr().out
    assert submitted(folder) == {"ada/ps1/p1.ipynb": b"{}"}
    assert run_collect("ps1", folder, zipped, source="canvas", roster=roster) == 0
    stranger = archive([("x_999_1_p1.ipynb", b"{}")], tmp_path / "s.zip")
    assert run_collect("ps1", folder, stranger, source="canvas", roster=roster) == 1
    assert run_collect("ps1", folder, tmp_path / "none.zip", source="canvas") == 2
    assert run_collect("ps1", folder, zipped) == 2
    assert run_collect("ps1", folder, zipped, source="moodle", roster=roster) == 2
    assert run_collect("ps1", folder) == 2
    assert run_collect("ps1", folder, zipped, source="canvas", timezone="Nowhere/At All") == 2
    assert set(submitted(folder)) == {"ada/ps1/p1.ipynb"}
