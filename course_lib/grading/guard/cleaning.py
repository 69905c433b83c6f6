"""Nothing active in what a browser will show of a submission.

nbgrader's feedback and formgrader put a student's HTML into the instructor's page as it is. Here
every output and every Markdown cell is brought down to text, tables and pictures first. HTML that
is shown is either nh3's own writing or the same, token for token, as nh3's writing of it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection
from typing import Any

from course_lib.grading.guard.hypertext import clean_html, clean_latex
from course_lib.grading.guard.markdown import NOTHING, clean_markdown, render
from course_lib.grading.guard.pictures import PICTURES, picture_fits, svg_is_clean
from course_lib.grading.guard.terminal import clean_text

# Data of this library, which no browser shows; a later step of grading may read it.
OWN_DATA = re.compile(r"application/vnd\.counting-the-cost\.[\w.-]+\+json")
CELL_KEYS = frozenset({"nbgrader", "deletable", "editable", "collapsed", "scrolled", "tags"})
NOTEBOOK_KEYS = frozenset({"kernelspec", "language_info"})
_PLAIN_WORD = re.compile(r"[\w.+ ()/:,@#-]{1,64}")
_TAG = re.compile(r"[\w.:-]{1,64}")


def clean(notebook: Any, released: Collection[str] = ()) -> tuple[Any, list[str]]:
    """A notebook that shows the same, as far as it is inert.

    Parameters
    ----------
    notebook : NotebookNode
        An executed submission; it is not changed.
    released : collection of str
        Markdown sources of the instructor, which stay word for word.

    Returns
    -------
    NotebookNode
        Scripts, event handlers, forms, frames, remote pictures, widgets and control sequences are
        gone; tables, pictures in the notebook itself and text are there.
    list of str
        What was taken away, by cell.
    """
    cleaned = copy.deepcopy(notebook)
    removed: list[str] = []
    _keep(cleaned.metadata, NOTEBOOK_KEYS, "the notebook's metadata", removed)
    _clean_kernel(cleaned.metadata, removed)
    for number, cell in enumerate(cleaned.cells, start=1):
        where = _Where(f"cell {number}", removed)
        _clean_cell(cell, frozenset(released), where)
    return cleaned, removed


class _Where:
    """Notes what was taken away, once for each cell."""

    def __init__(self, name: str, removed: list[str]) -> None:
        self.name, self.removed = name, removed

    def say(self, what: str) -> None:
        line = f"{self.name}: {what}"
        if line not in self.removed:
            self.removed.append(line)


def _keep(entry: Any, keys: Collection[str], what: str, removed: list[str]) -> None:
    for key in [key for key in entry if key not in keys]:
        del entry[key]
        if what and key == "widgets":
            removed.append(f"{what}: widgets")


def _clean_kernel(metadata: Any, removed: list[str]) -> None:
    """Only plain words: templates print the language into the page."""
    for key in NOTEBOOK_KEYS:
        entry = metadata.get(key)
        if entry is None:
            continue
        odd = [
            name
            for name, value in entry.items()
            if not (isinstance(value, str) and _PLAIN_WORD.fullmatch(value))
            and not _mode(name, value)
        ]
        for name in odd:
            del entry[name]
            removed.append(f"the notebook's {key}: {name}")


def _mode(name: str, value: Any) -> bool:
    if name == "codemirror_mode" and isinstance(value, dict):
        return all(_PLAIN_WORD.fullmatch(str(part)) for pair in value.items() for part in pair)
    return name in ("env", "interrupt_mode", "language", "metadata") and value in ({}, "")


def _clean_cell(cell: Any, released: frozenset[str], where: _Where) -> None:
    _keep(cell.metadata, CELL_KEYS, "", where.removed)
    if "tags" in cell.metadata:
        tags = [tag for tag in cell.metadata["tags"] if _TAG.fullmatch(str(tag))]
        if tags != cell.metadata["tags"]:
            cell.metadata["tags"] = tags
            where.say("tags that are no plain words")
    if "id" in cell and not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", str(cell["id"])):
        raise ValueError(f"{where.name} has the id {cell['id']!r}; tidy the notebook first")
    if cell.cell_type == "code":
        _clean_code(cell, where)
        return
    if "attachments" in cell:
        _clean_attachments(cell, where)
    if cell.cell_type == "markdown":
        attachments = cell.get("attachments", {})
        cell.source, said = clean_markdown(cell.source, attachments, cell.source in released)
        for what in said:
            where.say(what)
        _add_missing_attachments(cell, where)


def _clean_attachments(cell: Any, where: _Where) -> None:
    for name, bundle in list(cell.attachments.items()):
        for kind, data in list(bundle.items()):
            if not _shown_picture(kind, data):
                del bundle[kind]
                where.say(f"the attachment {name[:60]!r} ({kind[:60]})")
        if not bundle:
            bundle["image/png"] = NOTHING


def _add_missing_attachments(cell: Any, where: _Where) -> None:
    if "attachment:" not in cell.source:
        return
    missing = render(cell.source, cell.get("attachments", {}))[1] - set(cell.get("attachments", {}))
    for name in sorted(missing):
        cell.setdefault("attachments", {})[name] = {"image/png": NOTHING}
        where.say(f"the attachment {name[:60]!r} is missing; an empty picture stands for it")


def _shown_picture(kind: str, data: Any) -> bool:
    if kind == "image/svg+xml":  # as an attachment it is base64
        return False
    return kind in PICTURES and isinstance(data, str) and picture_fits(kind, data)


def _clean_code(cell: Any, where: _Where) -> None:
    count = cell.get("execution_count")
    whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    if not (count is None or whole):
        cell.execution_count = None
        where.say("an execution count that is no number")
    outputs = cell.outputs if isinstance(cell.outputs, list) else []
    cell.outputs = [one for one in (_clean_output(out, where) for out in outputs) if one]


def _clean_output(output: Any, where: _Where) -> Any:
    """One output written anew; a kernel may have sent anything."""
    kind = output.get("output_type") if isinstance(output, dict) else None
    if kind == "stream":
        name = output.get("name")
        text = _text(output.get("text", ""), where)
        return _node(output_type=kind, name=name if name == "stderr" else "stdout", text=text)
    if kind == "error":
        lines = output.get("traceback", [])
        traceback = [_text(line, where) for line in (lines if isinstance(lines, list) else [lines])]
        ename, evalue = (_text(output.get(key, ""), where) for key in ("ename", "evalue"))
        return _node(output_type=kind, ename=ename, evalue=evalue, traceback=traceback)
    if kind in ("execute_result", "display_data"):
        kept, sizes = _clean_bundle(output.get("data"), output.get("metadata"), where)
        node = _node(output_type=kind, data=kept, metadata=sizes)
        if kind == "execute_result":
            count = output.get("execution_count")
            whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
            node["execution_count"] = count if whole else None
        return node
    where.say(f"an output of the type {str(kind)[:60]!r}")
    return None


def _node(**entries: Any) -> Any:
    from nbformat import from_dict

    return from_dict(entries)


def _text(text: Any, where: _Where) -> str:
    text = "".join(map(str, text)) if isinstance(text, list) else str(text)
    cleaned = clean_text(text)
    if cleaned != text:
        where.say("control sequences in text")
    return cleaned


def _clean_bundle(data: Any, metadata: Any, where: _Where) -> tuple[dict, dict]:
    """What may be shown of an output's data, and the sizes of its pictures."""
    data = data if isinstance(data, dict) else {}
    kept = {}
    for kind, content in data.items():
        content = "".join(content) if _is_lines(content) else content
        good = _clean_data(kind, content, where)
        if good is not None:
            kept[kind] = good
    if data and not kept:
        names = ", ".join(sorted(kind[:60] for kind in data))
        kept["text/plain"] = f"[active output removed: {clean_text(names)}]"
    return kept, _sizes(metadata, kept, where)


def _is_lines(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(line, str) for line in content)


def _clean_data(kind: str, content: Any, where: _Where) -> Any:
    """The content of one MIME type as it may be shown, or None."""
    if kind == "application/json" or OWN_DATA.fullmatch(kind):
        return content
    cleaned: str | None = None
    if isinstance(content, str):
        if kind == "text/plain":
            return _text(content, where)
        if kind == "text/html":
            cleaned = clean_html(content)
        elif kind == "text/markdown":
            cleaned = clean_markdown(content, {})[0]
        elif kind == "text/latex":
            cleaned = clean_latex(content)
        elif kind == "image/svg+xml":
            cleaned = content if svg_is_clean(content) else None
        elif kind in PICTURES:
            cleaned = content if picture_fits(kind, content) else None
    if cleaned != content:
        where.say(f"active {kind[:60]}" if cleaned is not None else f"output {kind[:60]}")
    return cleaned


def _sizes(metadata: Any, kept: dict[str, Any], where: _Where) -> dict[str, dict[str, Any]]:
    """Width and height of pictures: templates print them without quotes."""
    sizes: dict[str, dict[str, Any]] = {}
    for kind in kept:
        entry = metadata.get(kind) if isinstance(metadata, dict) else None
        given = {k: v for k, v in entry.items() if k in _SIZES} if isinstance(entry, dict) else {}
        found = {k: v for k, v in given.items() if _small(v)}
        if found:
            sizes[kind] = found
        if found != given:
            where.say("a size of a picture that is no number")
    return sizes


_SIZES = ("width", "height")


def _small(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 100_000
