"""A small book with small fact tables, built in this process, for tests of facts on pages."""

import contextlib
import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from course_lib.facts import lookup, tables
from tests.building import ROOT

STATIC = ROOT / "book" / "_static"
LONG = 600

SOURCES = """key,short,year,title,url
maker2024,"A Maker, 2024",2024,Data sheet of a chip,https://example.org/sheet
authors2021,"Authors et al., 2021",2021,Carbon of large networks,https://example.org/carbon
"""
BIBLIOGRAPHY = """
@misc{maker2024, author = {Maker, A.}, title = {Data sheet of a chip}, year = {2024}}
@misc{authors2021, author = {Authors, A. and Others, B.}, title = {Carbon}, year = {2021}}
"""
CHIPS = """key,name,maker,peak_flop_per_s,memory_byte,power_w,power_w_low,power_w_high,TAIL,notes
h9,Hopper 9,North,9.894e14,80000000000,700,,,maker2024,Table 1,yes,data sheet,
a8,Ampere 8,North,3.12e14,80000000000,400,,,maker2024,Table 2,yes,data sheet,
t4,Tensor 4,South,2.75e14,32000000000,192,121,200,maker2024,page 3,yes,data sheet,
z1,Zebra 1,South,,16000000000,250,,,maker2024,page 4,yes,data sheet,
"""
RUNS = """key,model,energy_mwh,co2e_t,parameters,training_flop,share,estimate,TAIL
gpt_run,GPT-3,1287,552.1,175000000000,3.14e23,0.34,no,authors2021,Table 4,yes,full text
rumour,A rumour,10,5,1000000,1e20,0.5,yes,authors2021,blog,no,nowhere
"""
MILESTONES = "key,name,year,TAIL\n" + "".join(
    f"m{n},Model {n},{1950 + n % 75},maker2024,row {n},yes,list\n" for n in range(LONG)
)
HISTORY = """date,table,key,column,old,new,reason,source
2026-01-02,chips,h9,power_w,350,700,that was the older chip,maker2024
2026-03-04,chips,a8,memory_byte,40e9,80e9,another variant,maker2024
2026-02-03,runs,gpt_run,co2e_t,552,552.1,one more digit,
"""


def field(name, kind="string", title="", **more):
    return {"name": name, "type": kind, "title": title or name.capitalize(), **more}


FIELDS = {
    "sources": [field(n) for n in ("key", "short", "year", "title", "url")],
    "chips": [
        field("key"),
        field("name", title="Chip"),
        field("maker"),
        field("peak_flop_per_s", "number", "Peak rate", unit="FLOP/s", fact="peak"),
        field("memory_byte", "integer", "Memory", unit="B", fact="memory", exact=True),
        field("power_w", "number", "Power", unit="W", fact="power", exact=True),
    ],
    "runs": [
        field("key"),
        field("model"),
        field("energy_mwh", "number", "Energy", unit="MWh", fact="energy"),
        field("co2e_t", "number", "Emissions", unit="tCO2e", fact="co2e"),
        field("parameters", "integer", "Parameters", unit="", fact="parameters", exact=True),
        field("training_flop", "number", "Training compute", unit="FLOP", fact="training_flop"),
        field("share", "number", "Share", unit="", fact="share"),
    ],
    "milestones": [field("key"), field("name", title="Milestone"), field("year", "year")],
}
TEXTS = {"sources": SOURCES, "chips": CHIPS, "runs": RUNS, "milestones": MILESTONES}
TAIL = "source,locator,verified,verified_where"


def write_tables(folder: Path) -> None:
    (folder / "schemas").mkdir(parents=True)
    (folder / "history").mkdir()
    for name, text in TEXTS.items():
        text = text.replace("TAIL", TAIL, 1)
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        columns = next(csv.reader(io.StringIO(text)))
        known = {each["name"] for each in FIELDS[name]}
        rest = [field(column) for column in columns if column not in known]
        schema = {"fields": FIELDS[name] + rest}
        (folder / "schemas" / f"{name}.json").write_text(json.dumps(schema), encoding="utf-8")
    resources = [{"name": name, "title": f"The {name}"} for name in TEXTS]
    package = json.dumps({"resources": resources})
    (folder / "datapackage.json").write_text(package, encoding="utf-8")
    (folder / "history" / "all.csv").write_text(HISTORY, encoding="utf-8")


def forget() -> None:
    """Empty what the facts remember of the tables."""
    for remembers in [*vars(tables).values(), *vars(lookup).values()]:
        if hasattr(remembers, "cache_clear"):
            remembers.cache_clear()


@contextlib.contextmanager
def small_tables_in(folder: Path) -> Iterator[Path]:
    """Small tables, written to a folder, are the course's facts while the context is open."""
    write_tables(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "FOLDER", folder)
        forget()
        yield folder
    forget()


@dataclass
class Built:
    """What a build said, and where its pages are."""

    warnings: str
    status: int
    directory: Path

    def page(self, name: str = "index") -> str:
        return (self.directory / f"{name}.html").read_text(encoding="utf-8")


class MiniBook:
    """Pages in a temporary directory, built as the book is: warnings are errors, all are shown."""

    def __init__(self, directory: Path):
        self.source, self.out = directory / "source", directory / "html"
        self.source.mkdir(parents=True)
        (self.source / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
        self.write("conf", "", ".py")
        self.write(
            "bibliography", "---\norphan: true\n---\n# Bibliography\n\n```{bibliography}\n```\n"
        )

    def write(self, name: str, text: str, ending: str = ".md") -> None:
        path = self.source / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")  # else the next build has nothing to read

    def build(self, body: str | None = None, **settings) -> Built:
        if body is not None:
            self.write("index", f"# Page\n\n{body}\n")
        warnings = io.StringIO()
        extensions = ["myst_nb", "sphinx_design", "sphinx_exercise", "sphinxcontrib.bibtex"]
        settings = {
            "extensions": [*extensions, "course_lib.sphinx_ext"],
            "myst_enable_extensions": ["colon_fence", "dollarmath"],
            "nb_execution_mode": "off",
            "bibtex_bibfiles": ["references.bib"],
            "bibtex_reference_style": "author_year",
            "course_cache_depends_on": [],
            "course_literals": "literals.toml",
            **settings,
        }
        with patch_docutils(str(self.source)), docutils_namespace():
            app = Sphinx(
                self.source, self.source, self.out, self.out.parent / "doctrees", "html",
                settings, status=None, warning=warnings, warningiserror=True, keep_going=True,
            )  # fmt: skip
            app.build()
        said = re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())
        return Built(said, app.statuscode, self.out)


def with_theme(directory: Path) -> dict:
    """Settings that give a mini book the looks of the book: its theme, fonts, style and scripts."""
    static = directory / "static"
    shutil.copytree(STATIC / "vendor" / "fonts", static / "vendor" / "fonts")
    for file in STATIC.iterdir():
        if file.suffix in (".css", ".js", ".svg"):
            shutil.copy(file, static)
    return {
        "html_theme": "sphinx_book_theme",
        "html_static_path": [str(static)],
        "html_css_files": ["course.css"],
        "html_js_files": [("course.js", {"defer": "defer"})],
        "templates_path": [str(ROOT / "book" / "_templates")],
        "html_sidebars": {"**": ["book-title.html", "sbt-sidebar-nav.html"]},
        "html_theme_options": {"navigation_with_keys": False},
        "html_title": "A mini book",
    }
