"""The calculator directive on a tiny project: what it writes, refuses and ships."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from course_lib.sphinx_ext.calculators import every
from course_lib.sphinx_ext.calculators.bundle import bundle, put
from course_lib.sphinx_ext.calculators.forms.fields import Field, InputError, asked, read

NAMES = ("training", "network", "power-law")
CONFIG = """
extensions = ["myst_nb", "course_lib.sphinx_ext.calculators"]
nb_execution_mode = "off"
"""


def page_of(*names: str) -> str:
    return "# Page\n\n" + "\n".join(f"```{{calculator}} {name}\n```\n" for name in names)


def sphinx(source: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", *options]
    command += [source, source / "build"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "conf.py").write_text(CONFIG)
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """All three calculators on one page, none on another."""
    source = tmp_path_factory.mktemp("book")
    (source / "conf.py").write_text(CONFIG)
    (source / "index.md").write_text(page_of(*NAMES) + "\n```{toctree}\nother\n```\n")
    (source / "other.md").write_text("# Other\n\nWords.\n")
    done = sphinx(source)
    assert done.returncode == 0, done.stderr
    return source / "build"


def test_the_table_holds_what_the_library_computes(built):
    page = (built / "index.html").read_text(encoding="utf-8")
    for calculator in every().values():
        for title, values in calculator.examples():
            found = {row.label: row.text for row in calculator.result(values).rows}
            row = next(row for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if title in row)
            for column in calculator.columns:
                assert f"<p>{found.get(column, '–')}</p>" in row


def test_only_pages_with_a_calculator_load_its_files(built):
    page, other = ((built / name).read_text() for name in ("index.html", "other.html"))
    assert 'type="module"' in page and "calculators.js" in page and "calculators.css" in page
    assert "calculators" not in other


def test_the_archive_holds_what_the_page_names_and_no_more_than_it_needs(built):
    named = set(re.findall(r'data-bundle="([^"]+)"', (built / "index.html").read_text()))
    [archive] = (built / "_static").glob("calculators-*.zip")
    assert named == {archive.name}
    assert archive.stat().st_size < 150_000
    files = set(zipfile.ZipFile(archive).namelist())
    assert {"course_lib/footprint/run.py", "forms/every.py", "forms/laws.json"} <= files
    assert not [file for file in files if "scaling" in file or "sphinx" in file]


def test_the_archive_answers_as_the_library_does_without_any_package(built, tmp_path):
    [archive] = (built / "_static").glob("calculators-*.zip")
    zipfile.ZipFile(archive).extractall(tmp_path)
    ask = "import sys; from forms.every import ask; print(ask(sys.argv[1])); " + (
        "assert not {'numpy', 'pandas', 'scipy', 'docutils'} & set(sys.modules)"
    )
    for name, calculator in every().items():
        _, values = calculator.examples()[0]
        question = json.dumps({"name": name, "values": values})
        done = subprocess.run(
            [sys.executable, "-S", "-c", ask, question],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == json.loads(json.dumps(calculator.answer(values)))


def test_the_links_of_the_examples_are_what_the_form_takes(built):
    page = (built / "index.html").read_text(encoding="utf-8")
    for calculator in every().values():
        opening = re.search(
            rf'<course-calculator[^>]*id="calculator-{calculator.name}"[^>]*>', page
        )
        states = json.loads(
            re.search(r'data-examples="([^"]*)"', opening[0])[1]
            .replace("&quot;", '"').replace("&amp;", "&")
        )  # fmt: skip
        wanted = [dict(values) for _, values in calculator.examples()]
        assert [dict(parse_qsl(state, keep_blank_values=True)) for state in states] == wanted


@pytest.mark.parametrize("calculator", every().values(), ids=NAMES)
def test_each_input_has_a_label_and_a_place_for_its_error(built, calculator):
    page = (built / "index.html").read_text(encoding="utf-8")
    for field in calculator.fields:
        name = f"calculator-{calculator.name}-{field.name}"
        assert f'<label for="{name}">' in page
        assert f'id="{name}-error"' in page
        assert page.count(f'id="{name}"') == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["netwrok"], "there is no calculator 'netwrok'. Near: network"),
        (["network", "network"], "stands on this page already"),
    ],
)
def test_a_wrong_or_a_second_calculator_fails_the_build(source, names, message):
    (source / "index.md").write_text(page_of(*names))
    done = sphinx(source)
    assert done.returncode != 0 and message in done.stderr and "index.md:" in done.stderr


def test_other_formats_have_the_table(source):
    (source / "index.md").write_text(page_of("network"))
    assert sphinx(source, "-b", "text").returncode == 0
    text = (source / "build" / "index.txt").read_text(encoding="utf-8")
    assert "124,439,808" in text and "<template" not in text


def test_the_same_sources_give_the_same_archive(tmp_path):
    assert bundle() == bundle()
    name, content = bundle()
    (tmp_path / "calculators-0123.zip").write_bytes(b"old")
    put(tmp_path, name, content)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_changed_form_reads_the_page_again(source):
    (source / "index.md").write_text(page_of("network"))
    assert sphinx(source).returncode == 0
    assert "0 changed" in sphinx(source).stdout
    (source / "conf.py").write_text(
        CONFIG
        + "from course_lib.sphinx_ext import calculators\n"
        + "calculators.bundle_once = lambda: ('calculators-new.zip', b'')\n"
    )
    assert "1 changed" in sphinx(source).stdout
    assert (source / "build" / "_static" / "calculators-new.zip").exists()


@pytest.mark.parametrize(
    ("typed", "number"),
    [("12", 12), ("1,024", 1024), ("1 000 000", 1e6), ("3.14e23", 3.14e23), (" 1_000.5 ", 1000.5)],
)
def test_a_number_is_read_as_people_write_it(typed, number):
    field = Field("x", "Something")
    assert read([field], {"x": typed}) == {"x": number}


@pytest.mark.parametrize(
    "typed", ["", "x", "1,2", "nan", "inf", "1e99", "1e-99", "1" * 300, "0x10", "--1"]
)
def test_what_is_no_number_is_refused_beside_its_input(typed):
    with pytest.raises(InputError, match=r"^Something") as caught:
        read([Field("x", "Something")], {"x": typed})
    assert caught.value.field == "x"


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "1e16"])
def test_a_count_is_whole_and_at_least_one(typed):
    with pytest.raises(InputError, match="whole number from 1"):
        read([Field("n", "Layers", kind="count")], {"n": typed})


def test_only_what_is_shown_is_read():
    fields = every()["network"].fields
    names = {field.name for field in asked(fields, {"kind": "perceptron"})}
    assert names == {"kind", "widths", "batch"}
    answer = every()["network"].answer({"kind": "perceptron", "layers": "nonsense"})
    assert answer["error"] is None


def test_a_chip_without_design_power_asks_for_the_power():
    answer = every()["training"].answer({"chip": "tpu_v4"})
    assert answer["field"] == "chip_power_w" and "tpu_v4" in answer["error"]
    assert every()["training"].answer({"chip": "tpu_v4", "chip_power_w": "200"})["error"] is None


def test_what_does_not_suffice_says_what_would():
    answer = every()["training"].answer({"given": "hours", "chip": ""})
    assert [row["label"] for row in answer["rows"]] == ["Wall time", "Chip-hours"]
    assert "For energy, give a chip or the power of one." in answer["notes"]
    nothing = every()["training"].answer({"chip": ""})
    assert "does not suffice" in nothing["error"]
