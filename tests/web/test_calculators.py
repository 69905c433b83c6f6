"""The calculators in a real browser: against the library, by keyboard, by link, without scripts."""

import random
import re
import subprocess
import sys
import zipfile

import pytest

from course_lib.sphinx_ext.calculators import every
from course_lib.sphinx_ext.calculators.forms.fields import asked
from tests.building import ROOT, served
from tests.web.axe import add_axe, objections

STATIC = ROOT / "book" / "_static"
NAMES = ("training", "network", "power-law")
CONFIG = f"""
extensions = ["myst_nb", "course_lib.sphinx_ext.calculators"]
nb_execution_mode = "off"
html_theme = "sphinx_book_theme"
html_static_path = [{str(STATIC)!r}]
html_css_files = ["course.css"]
html_js_files = [["course.js", {{"defer": "defer"}}]]
html_title = "Calculators"
"""
PAGE = "# Calculators\n\nWords.\n\n" + "\n".join(
    f"```{{calculator}} {name}\n```\n" for name in NAMES
)
RANDOM = 50  # inputs, over the three
PATIENCE = 60_000  # milliseconds for the first result, on a machine that does other things too


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The address of a page with the three calculators, served on loopback."""
    assert (STATIC / "vendor" / "pyodide").is_dir(), "Pyodide is not installed: run make install"
    source = tmp_path_factory.mktemp("calculators")
    (source / "conf.py").write_text(CONFIG)
    (source / "index.md").write_text(PAGE)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", source, source / "build"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    with served(source / "build") as address:
        yield address + "index.html"


def visit(tab, address):
    tab.goto(address)
    tab.wait_for_function("() => customElements.get('course-calculator')")


def calculator_in(tab, name):
    return tab.locator(f"#calculator-{name}")


def settle(box):
    """Wait until the calculator has answered."""
    box.page.wait_for_function(
        "(box) => box.querySelector('form') && !box.hasAttribute('aria-busy')",
        arg=box.element_handle(),
        timeout=PATIENCE,
    )


def open_one(tab, name):
    box = calculator_in(tab, name)
    box.get_by_role("button", name="Open the calculator").click()
    settle(box)
    return box


def shown(box):
    """What stands in the results: label, number and remark of each row."""
    return box.locator(".calculator-row").evaluate_all(
        """(rows) => rows.map((row) => [row.querySelector("dt").textContent,
             row.querySelector(".calculator-number").textContent,
             row.querySelector(".calculator-remark")?.textContent ?? ""])"""
    )


def wanted(name, values):
    answer = every()[name].answer(values)
    assert answer["error"] is None, answer
    return [[row["label"], row["text"], row["remark"]] for row in answer["rows"]]


def put_in(box, values):
    """Fill in the form, in its order, and ask with the Enter key or, of a list, by choosing."""
    for fold in box.locator(".calculator-fold-fields:not([open])").all():
        fold.locator("summary").click()
    for name, value in values.items():
        field = box.locator(f"[name={name}]")
        if field.evaluate("(field) => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    box.locator("input:visible").first.press("Enter")
    settle(box)


def random_values(name, rng):
    """Something to type into every input that is shown."""
    count = lambda most: f"{round(10 ** rng.uniform(0, most))}"  # noqa: E731
    maybe = lambda text: rng.choice([text, ""])  # noqa: E731
    if name == "training":
        values = {
            "given": rng.choice(["flop", "hours", "energy"]),
            "training_flop": f"{10 ** rng.uniform(17, 26):.3g}",
            "chip_hours": f"{10 ** rng.uniform(0, 8):.4g}",
            "energy_kwh": f"{10 ** rng.uniform(0, 8):.4g}",
            "chip": rng.choice(["h100_sxm", "a100_sxm_80gb", "v100_sxm2", "tpu_v4", "h200"]),
            "mfu": maybe(f"{rng.uniform(0.1, 0.6):.2f}"),
            "chips": count(4),
            "chip_power_w": maybe(f"{rng.uniform(100, 900):.0f}"),
            "pue": maybe(f"{rng.uniform(1, 1.8):.2f}"),
            "region": rng.choice(["USA", "FR", "world", "NOR", "de"]),
            "year": f"{rng.randint(2019, 2024)}",
            "usd_per_chip_hour": maybe(f"{rng.uniform(0.5, 9):.2f}"),
        }
    elif name == "network":
        values = {
            "kind": rng.choice(["transformer", "perceptron", "convolution", "recurrent"]),
            "tokens": maybe(count(13)),
            "tied": rng.choice(["yes", "no"]),
            "widths": ", ".join(count(4) for _ in range(rng.randint(2, 6))),
            "cell": rng.choice(["plain", "gru", "lstm"]),
        }
        names = "layers width vocabulary context inputs outputs kernel height wide hidden stacked"
        values |= {field: count(2.5) for field in [*names.split(), "steps", "batch"]}
    else:
        values = {
            "law": rng.choice([choice for choice, _ in every()[name].fields[0].choices]),
            "x": f"{10 ** rng.uniform(-1, 26):.4g}",
            "level": rng.choice(["0.5", "0.8", "0.9", "0.95", "0.99"]),
            "of": rng.choice(["new run", "mean"]),
        }
    fields = asked(every()[name].fields, values)
    return {field.name: values.get(field.name, field.default) for field in fields}


def test_random_inputs_give_what_the_library_gives(page, new_page):
    tab = new_page()
    visit(tab, page)
    rng = random.Random(5)
    boxes = {name: open_one(tab, name) for name in NAMES}
    different = set()
    for index in range(RANDOM):
        name = NAMES[index % len(NAMES)]
        values = random_values(name, rng)
        put_in(boxes[name], values)
        answer = every()[name].answer(values)
        status = boxes[name].get_by_role("status").text_content()
        if answer["error"] is None:
            assert shown(boxes[name]) == wanted(name, values), (name, values)
            assert status == answer["sentence"]
            different.add(status)
        else:
            assert status == f"No result: {answer['error']}"
    assert len(different) > 0.8 * RANDOM


def test_nothing_of_python_is_asked_for_before_a_calculator_is_opened(page, new_page):
    tab = new_page()
    asked_for = []
    tab.on("request", lambda request: asked_for.append(request.url))
    visit(tab, page)
    tab.wait_for_load_state("networkidle")
    assert re.search(r"loads Python from this site, \d+ MB", tab.locator("main").inner_text())
    heavy = re.compile(r"pyodide|calculators-(worker|[0-9a-f]{16})")
    assert asked_for and not [url for url in asked_for if heavy.search(url)]
    open_one(tab, "network")
    loaded = [url for url in asked_for if heavy.search(url)]
    assert sum("pyodide.asm.wasm" in url for url in loaded) == 1
    open_one(tab, "power-law")
    assert [url for url in asked_for if heavy.search(url)] == loaded  # one Python for all
    site = page.removesuffix("index.html")
    assert not [url for url in asked_for if not url.startswith((site, "data:", "blob:"))]


def test_by_keyboard_alone(page, new_page):
    tab = new_page()
    visit(tab, page)
    box = calculator_in(tab, "network")
    box.get_by_role("button", name="Open the calculator").focus()
    tab.keyboard.press("Enter")
    settle(box)
    assert tab.evaluate("() => document.activeElement.name") == "kind"
    tab.keyboard.press("ArrowDown")  # the next kind in the list
    tab.keyboard.press("Tab")
    assert tab.evaluate("() => document.activeElement.name") == "widths"
    tab.keyboard.press("Control+a")
    tab.keyboard.type("100, 10")
    tab.keyboard.press("Enter")
    settle(box)
    assert shown(box) == wanted("network", {"kind": "perceptron", "widths": "100, 10"})
    for _ in range(4):  # batch, button, link, examples
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert box.locator(".calculator-examples").is_visible()


def test_a_link_brings_the_state_back(page, new_page):
    tab = new_page()
    visit(tab, page)
    values = {"given": "hours", "chip_hours": "737280", "chip": "tpu_v3", "chips": "1024"}
    values |= {"chip_power_w": "289", "pue": "1.09", "grid_kgco2e_per_kwh": "0.415"}
    put_in(open_one(tab, "training"), values)
    address = calculator_in(tab, "training").locator(".calculator-link").evaluate("(a) => a.href")
    assert tab.url == address
    found = shown(calculator_in(tab, "training"))

    other = new_page()
    visit(other, address)
    box = calculator_in(other, "training")
    settle(box)
    assert shown(box) == found
    assert ["Energy", "232 MWh"] in [row[:2] for row in found]
    assert box.locator("[name=pue]").input_value() == "1.09"
    assert box.locator("[name=pue]").is_visible()  # its fold is open
    assert not calculator_in(other, "network").locator("form").count()


def test_a_link_is_checked(page, new_page):
    tab = new_page()
    failures = []
    tab.on("pageerror", lambda error: failures.append(error))
    state = "kind=nothing&__proto__=1&layers=<b>x</b>&batch=" + "9" * 300
    visit(tab, f"{page}#calculator-network?{state}")
    box = calculator_in(tab, "network")
    settle(box)
    assert box.locator("[name=kind]").input_value() == "transformer"
    assert box.locator("[name=batch]").input_value() == "1"
    error = box.locator("#calculator-network-layers-error")
    assert error.inner_text().startswith("Layers is '<b>x</b>'; write a number")
    assert not failures
    said = box.get_by_role("status").text_content()
    assert "does not know: kind, __proto__, batch" in said


def test_an_example_fills_the_form(page, new_page):
    tab = new_page()
    visit(tab, page)
    title, values = every()["network"].examples()[1]
    calculator_in(tab, "network").get_by_role("link", name=title).click()
    box = calculator_in(tab, "network")
    settle(box)
    assert shown(box) == wanted("network", values)


@pytest.mark.parametrize(
    ("name", "field", "typed"),
    [
        ("training", "region", "Germny"),
        ("training", "chip", "h10"),
        ("training", "year", "1990"),
        ("training", "pue", "0.5"),
        ("network", "layers", "twelve"),
        ("network", "context", "0.5"),
        ("power-law", "x", "-3"),
    ],
)
def test_an_error_stands_beside_its_input_and_goes(page, new_page, name, field, typed):
    tab = new_page()
    visit(tab, page)
    box = open_one(tab, name)
    before = shown(box)
    default = box.locator(f"[name={field}]").input_value()
    put_in(box, {field: typed})
    answer = every()[name].answer({field: typed})
    assert answer["field"] == field
    error = box.locator(f"#calculator-{name}-{field}-error")
    assert error.is_visible() and error.inner_text() == answer["error"]
    assert box.locator(f"[name={field}]").get_attribute("aria-invalid") == "true"
    assert answer["error"] in box.get_by_role("status").text_content()
    assert not box.locator(".calculator-results").is_visible()
    put_in(box, {field: default})
    assert not error.is_visible() and shown(box) == before
    assert not box.locator("[aria-invalid]").count()


def test_a_law_brings_an_x_of_its_own(page, new_page):
    tab = new_page()
    visit(tab, page)
    box = open_one(tab, "power-law")
    box.locator("[name=law]").select_option("imagenet")
    assert box.locator("[name=x]").input_value() == "1e24"


def test_without_scripts_the_table_stands(page, browser):
    context = browser.new_context(java_script_enabled=False)
    try:
        tab = context.new_page()
        tab.goto(page)
        for name in NAMES:
            box = calculator_in(tab, name)
            calculator = every()[name]
            for title, values in calculator.examples():
                row = box.locator("tr", has_text=title)
                assert row.is_visible()
                results = {result[0]: result[1] for result in wanted(name, values)}
                assert results[calculator.columns[-1]] in row.inner_text()
            assert not box.locator("form, button").count()
    finally:
        context.close()


def test_where_python_does_not_load_the_page_says_so(page, new_page):
    tab = new_page()
    tab.route("**/pyodide.asm.wasm", lambda route: route.abort())
    visit(tab, page)
    box = open_one(tab, "network")
    assert "Python does not run in this browser" in box.locator("form").inner_text()
    assert box.locator(".calculator-examples").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(page, new_page, scheme, width):
    tab = new_page(width, scheme)
    visit(tab, page)
    add_axe(tab)
    violations = []

    def look():
        violations.extend(objections(tab, "course-calculator"))
        assert tab.evaluate("() => document.documentElement.scrollWidth") <= width

    look()
    for name in NAMES:
        open_one(tab, name)
    tab.evaluate("() => document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    tab.wait_for_timeout(400)
    look()
    put_in(calculator_in(tab, "training"), {"region": "Germny"})
    look()
    assert not violations


def test_the_standard_library_comes_compiled():
    archive = zipfile.ZipFile(STATIC / "vendor" / "pyodide" / "python_stdlib.zip")
    assert "json/__init__.pyc" in archive.namelist()
    assert not [name for name in archive.namelist() if name.endswith(".py")]
