"""What stays and what goes, without a browser."""

import copy

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_lib.grading.guard.cleaning import clean
from course_lib.grading.guard.hypertext import clean_html, same_tokens
from course_lib.grading.guard.markdown import clean_markdown
from course_lib.grading.guard.pictures import svg_is_clean
from course_lib.grading.guard.scoring import read_score
from course_lib.grading.guard.terminal import clean_text
from tests.grading.guard.vectors import PIXEL, VECTORS, shown

PLACE = "http://attacker.invalid/x"


LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3.11.2",
}


def notebook_of(cells):
    notebook = new_notebook()
    notebook.cells = cells  # as a file may have them, valid or not
    return notebook


def cleaned(data, metadata=None):
    """One output, cleaned: its data, and what was removed."""
    notebook, removed = clean(notebook_of(shown(data, metadata)))
    return notebook.cells[0].outputs[0], removed


# --- laws ---


@pytest.mark.parametrize("name", VECTORS)
def test_cleaning_twice_is_cleaning_once(name):
    once, removed = clean(notebook_of(VECTORS[name](PLACE)))
    twice, again = clean(once)
    assert removed, "a vector went unnoticed"
    assert twice == once
    assert again == []


@given(st.text())
def test_any_html_cleaned_once_is_clean(text):
    once = clean_html(text)
    assert clean_html(once) == once


pieces = st.sampled_from(
    "<b> </b> <img src=x onerror=alert(1)> <!-- --> --> <svg> <style> </style> <script> </script> "
    "<math> <p <a href=javascript:1> ' \" > < & &lt; $\\href{x}{y}$ ``` [x](javascript:1) \n # * "
    "<table> <td> <title> <textarea> <xmp> ]]> <![CDATA[ <? ?> <plaintext> <noscript> <b/onclick=1>"
    .split(" ")
)  # fmt: skip


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
def test_html_and_markdown_in_pieces(text):
    for result in (clean_html(text), clean_markdown(text, {})[0]):
        assert result in (clean_html(result), clean_markdown(result, {})[0])


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join))
def test_no_tag_of_another_kind_survives_in_html(text):
    import nh3

    assert (
        nh3.is_html(text) or clean_html(text) == text or "&" in text or "$" in text or "<" in text
    )
    result = clean_html(text)
    for forbidden in ("<script", "<svg", "<math", "<title", "<xmp", "onerror=", "onclick="):
        # As text it may be there, with its bracket escaped.
        assert f"<{forbidden.strip('<')}" not in result or forbidden.endswith("=")
    assert same_tokens(result, clean_html(result))


@given(st.text(alphabet="\x1b[]0123456789;mHJ\x07\\ab\x9b\x00\n", max_size=60))
def test_text_holds_only_complete_colours_and_exports(text):
    from nbconvert.filters.ansi import ansi2html

    result = clean_text(text)
    assert clean_text(result) == result
    ansi2html(result)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Z"])))
def test_plain_text_is_not_changed(text):
    assert clean_text(text) == text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
kinds = ["stream", "error", "execute_result", "display_data", "update_display_data"]
keys = ["name", "text", "ename", "evalue", "traceback", "data", "metadata", "execution_count"]
mimes = ["text/plain", "text/html", "image/png", "application/javascript", "image/svg+xml", "x"]


@given(
    st.lists(
        st.builds(
            lambda kind, rest: {"output_type": kind, **rest},
            st.sampled_from(kinds) | anything,
            st.dictionaries(
                st.sampled_from(keys),
                anything | st.dictionaries(st.sampled_from(mimes), anything),
            ),
        )
        | anything,
        max_size=3,
    )
)
def test_whatever_a_kernel_sent_is_cleaned_and_scored(outputs):
    entry = {"grade_id": "t", "grade": True, "solution": False, "locked": True, "points": 2}
    cell = new_code_cell("x", metadata={"nbgrader": entry}, execution_count=1)
    cell["outputs"] = nbformat.from_dict(outputs)
    notebook = notebook_of([cell])
    score = read_score(cell)
    assert score.points is None or 0 <= score.points <= 2
    cleaned, _ = clean(notebook)
    nbformat.validate(cleaned)
    assert clean(cleaned) == (cleaned, [])


def test_the_notebook_itself_is_left_alone():
    notebook = notebook_of(VECTORS["html: script"](PLACE))
    before = copy.deepcopy(notebook)
    clean(notebook)
    assert notebook == before


# --- what stays ---


def test_a_table_of_pandas_stays_a_table():
    import pandas as pd

    frame = pd.DataFrame({"a": [1, 2], "b<": [0.5, None]})
    output, _ = cleaned({"text/html": frame.to_html(), "text/plain": repr(frame)})
    assert pd.read_html is not None and output.data["text/html"].count("<td") == 4
    assert 'class="dataframe"' in output.data["text/html"]
    output, _ = cleaned({"text/html": frame._repr_html_()})
    assert "vertical-align: top" in output.data["text/html"]


def test_the_colours_of_a_styled_table_stay():
    html = (
        '<style type="text/css">\n#T_a1_row0_col0 {\n  background-color: #440154;\n  color: red;\n'
        '  position: fixed;\n}\n</style>\n<table id="T_a1">\n<tbody><tr>'
        '<td id="T_a1_row0_col0" class="data row0 col0 full-credit">1</td></tr></tbody></table>'
    )
    output, removed = cleaned({"text/html": html})
    result = output.data["text/html"]
    assert "background-color: #440154; color: red}" in result
    assert '<td id="T_a1_row0_col0" class="data row0 col0">1</td>' in result
    assert "position" not in result and "full-credit" not in result
    assert removed == ["cell 1: active text/html"]


def test_pictures_stay_with_their_size():
    output, removed = cleaned({"image/png": PIXEL}, {"image/png": {"width": 300, "height": 2.5}})
    assert output.data == {"image/png": PIXEL} and removed == []
    assert output.metadata == {"image/png": {"width": 300, "height": 2.5}}


def test_a_drawing_of_matplotlib_stays():
    import io

    from matplotlib.figure import Figure

    panel = Figure().subplots()
    panel.plot([1, 3, 2], label="$x^2$")
    panel.legend()
    panel.imshow([[1, 2], [3, 4]])
    file = io.StringIO()
    panel.figure.savefig(file, format="svg")
    assert svg_is_clean(file.getvalue())


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>",
        "<foreignObject/>",
        '<a href="https://example.org"/>',
        '<use href="https://example.org#x"/>',
        '<image href="https://example.org/x.png"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        '<rect onclick="x()"/>',
        '<rect style="fill: url(https://example.org)"/>',
        "<style>@import 'x';</style>",
        "<animate/>",
        "<set/>",
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml"/>',
    ],
)
def test_a_drawing_that_does_more_goes(inside):
    assert svg_is_clean(f'<svg xmlns="http://www.w3.org/2000/svg"><g/>{inside}</svg>') is False


def test_a_drawing_of_entities_goes():
    bomb = '<!DOCTYPE svg [<!ENTITY a "x">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'
    assert not svg_is_clean(bomb)
    assert not svg_is_clean('<?xml-stylesheet href="x"?><svg xmlns="http://www.w3.org/2000/svg"/>')


@pytest.mark.parametrize(
    "source",
    [
        "# Title\n\nSome *text*, `a < b`, $x < y_1$ and [a link](https://example.org 'title').",
        "| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n- [x] done\n- [ ] not",
        "```python\nx = '<script>'\n```\n\n    <b>indented</b>",
        'Water is H<sub>2</sub>O.<br>\n<img src="plot.png" width="200" alt="p">',
        "$$\\begin{aligned} a &= b \\\\ c &< d \\end{aligned}$$",
        "5 < 6 & 7 > 3 <- no tag, &lt;b&gt; neither",
        "![plot](results/plot.png)",
        f"![plot](data:image/png;base64,{PIXEL})",
        "<div>\n\n**bold**\n\n</div>",
        "",
    ],
)
def test_honest_markdown_is_not_changed(source):
    assert clean_markdown(source, {}) == (source, [])


def test_the_instructors_own_markdown_is_not_changed():
    source = '<iframe src="https://example.org"></iframe>'
    notebook, removed = clean(notebook_of([new_markdown_cell(source)]), released=[source])
    assert notebook.cells[0].source == source and removed == []
    notebook, removed = clean(notebook_of([new_markdown_cell(source)]))
    assert notebook.cells[0].source == f"`{source}`" and removed


def test_what_cannot_be_made_harmless_is_shown_as_typed():
    source = "````mermaid\n</pre><script>x</script>\n````\n" + "> " * 3000
    result, said = clean_markdown(source, {})
    assert "```" in result and said == [
        "Markdown that could not be made harmless, shown as it was typed"
    ]


def test_attachments_that_are_pictures_stay():
    cell = new_markdown_cell("![x](attachment:x.png)")
    cell["attachments"] = {"x.png": {"image/png": PIXEL}}
    notebook, removed = clean(notebook_of([cell]))
    assert notebook.cells == [cell] and removed == []


def test_data_of_this_library_stays():
    data = {"application/vnd.counting-the-cost.values+json": {"x": [1, 2]}, "text/plain": "x"}
    output, removed = cleaned(data)
    assert output.data == data and removed == []


def test_an_output_of_nothing_but_scripts_says_so():
    output, _ = cleaned({"application/javascript": "x()"})
    assert output.data == {"text/plain": "[active output removed: application/javascript]"}


def test_colours_of_a_traceback_stay():
    line = "\x1b[0;31mValueError\x1b[0m \x1b[38;5;28mx\x1b[39m \x1b[38;2;0;135;0my\x1b[0m"
    output = new_output("error", ename="ValueError", evalue="x", traceback=[line])
    notebook = notebook_of([new_code_cell("x", outputs=[output], execution_count=1)])
    assert clean(notebook)[0] == notebook


def test_a_kernels_usual_names_stay():
    notebook = notebook_of([])
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": LANGUAGE})
    assert clean(notebook) == (notebook, [])


def test_metadata_that_nobody_needs_goes():
    notebook = notebook_of([new_code_cell("x", metadata={"editable": False, "x": "<b>"})])
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "<script>"},
            "language_info": {
                "name": "python",
                "codemirror_mode": {"name": "ipython", "version": 3},
            },
            "widgets": {"application/vnd.jupyter.widget-state+json": {}},
            "title": "<script>",
        }
    )
    result, removed = clean(notebook)
    assert set(result.metadata) == {"kernelspec", "language_info"}
    assert "display_name" not in result.metadata.kernelspec
    assert result.metadata.language_info == notebook.metadata.language_info
    assert result.cells[0].metadata == {"editable": False}
    assert len(removed) == 2
