"""A notebook from bytes that nobody checked: a notebook that every tool accepts, or a reason.

Small faults that cost a student nothing are put right (a missing id, outputs of a wrong shape,
which grading discards anyway). What cannot be read without guessing is refused in plain words.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from typing import Any

LIMIT = 64 * 2**20  # bytes; larger than any notebook without megabytes of pictures
DEPTH = 64  # levels; a notebook has about eight, its metadata rarely more than twelve
CELLS = 10_000
MINOR = 5  # the newest minor version of format 4 that is known here
CELL_TYPES = ("code", "markdown", "raw")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_SURROGATE = re.compile("[\ud800-\udfff]")


class DamagedNotebook(Exception):
    """A notebook that cannot be graded; the message is the reason, for the instructor."""


def read_notebook(raw: bytes, limit: int = LIMIT) -> Any:
    """The notebook in the bytes of an ``.ipynb`` file.

    Parameters
    ----------
    raw : bytes
        What was handed in. Notebooks of the formats 1 to 3 are converted.
    limit : int
        The largest size that is read, in bytes.

    Returns
    -------
    NotebookNode
        Of format 4, valid by nbformat's schema.

    Raises
    ------
    DamagedNotebook
        If it cannot be read, whatever the cause. Nothing else is raised.

    >>> read_notebook(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}').cells
    []
    >>> read_notebook(b"print(1)")
    Traceback (most recent call last):
    course_lib.grading.guard.reading.DamagedNotebook: it is not JSON: Expecting value (line 1, ...
    """
    try:
        data = _parse(_decode(raw, limit))
        return tidy(_at_format_4(data))
    except (DamagedNotebook, ImportError):
        raise
    except RecursionError:
        raise DamagedNotebook(f"it is nested deeper than {DEPTH} levels") from None
    except Exception as error:  # whatever a stranger's bytes do to a parser is their damage
        raise DamagedNotebook(f"it cannot be read: {type(error).__name__}: {error}") from error


def _decode(raw: bytes, limit: int) -> str:
    if len(raw) > limit:
        raise DamagedNotebook(f"it is larger than {limit} bytes: {len(raw)}")
    if not raw.strip():
        raise DamagedNotebook("it is empty")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DamagedNotebook("it is written in UTF-16; a notebook is UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedNotebook(f"it is not UTF-8 text (byte {error.start})") from None


def _parse(text: str) -> dict[str, Any]:
    if _depth(text) > DEPTH:
        raise DamagedNotebook(f"it is nested deeper than {DEPTH} levels")
    try:
        data = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DamagedNotebook(f"it is not JSON: {error.msg} ({where})") from None
    if not isinstance(data, dict):
        raise DamagedNotebook(f"it is no notebook but a JSON {_kind(data)}")
    return data


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings."""
    deepest = depth = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        first = match[0][0]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two values under one key: parsers differ in which they take, so a reader could be shown one
    # notebook and the grader another.
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DamagedNotebook(f"it has the key {twice[:60]!r} twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise DamagedNotebook(f"it holds {name}, which is no JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise DamagedNotebook(f"it holds a number beyond all bounds: {text[:40]}")
    return number


def _at_format_4(data: dict[str, Any]) -> dict[str, Any]:
    major = data.get("nbformat")
    if isinstance(major, bool) or not isinstance(major, int):
        raise DamagedNotebook(f"its nbformat is {_said(major)}; a notebook says 4")
    if major > 4:
        raise DamagedNotebook(f"it is of notebook format {major}, which is newer than 4")
    if major < 1:
        raise DamagedNotebook(f"its nbformat is {major}; a notebook says 4")
    if major < 4:
        return _converted(data, major)
    return data


def _converted(data: dict[str, Any], major: int) -> dict[str, Any]:
    from nbformat import convert
    from nbformat.reader import reads

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return json.loads(json.dumps(convert(reads(json.dumps(data)), 4)))
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise DamagedNotebook(
            f"it is of notebook format {major} and cannot be converted to 4: {said}"
        ) from error


def tidy(notebook: Any) -> Any:
    """A notebook of format 4 in the shape that its schema asks, if nothing has to be guessed.

    Raises
    ------
    DamagedNotebook
        If a source is no text, if there are no cells, or if the result is still not valid.
    """
    from nbformat import ValidationError, from_dict, validate
    from nbformat.v4.rwbase import rejoin_lines

    minor = notebook.get("nbformat_minor")
    known = isinstance(minor, int) and not isinstance(minor, bool) and 0 <= minor <= MINOR
    minor = minor if known else MINOR
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise DamagedNotebook(f"its cells are {_said(cells)}; allowed is a list")
    if len(cells) > CELLS:
        raise DamagedNotebook(f"it has {len(cells)} cells; allowed are {CELLS}")
    cells = [_cell(cell, number, minor >= 5) for number, cell in enumerate(cells, start=1)]
    if minor >= 5:
        _give_ids(cells)
    tidied = from_dict(
        _without_surrogates(
            {
                "cells": cells,
                "metadata": _notebook_metadata(notebook.get("metadata")),
                "nbformat": 4,
                "nbformat_minor": minor,
            }
        )
    )
    try:
        validate(tidied)
    except ValidationError as error:
        first = str(error).splitlines()[0]
        raise DamagedNotebook(f"it does not fit the notebook format: {first[:200]}") from None
    return rejoin_lines(tidied)


def _cell(cell: Any, number: int, with_id: bool) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise DamagedNotebook(f"cell {number} is {_said(cell)}; allowed is an object")
    # An odd type cannot be run; if the cell matters, the blueprint says what it is.
    kind = cell.get("cell_type")
    kind = kind if isinstance(kind, str) and kind in CELL_TYPES else "raw"
    kept: dict[str, Any] = {
        "cell_type": kind,
        "metadata": _cell_metadata(cell.get("metadata")),
        "source": _source(cell.get("source", ""), number),
    }
    if with_id:
        kept["id"] = cell.get("id")
    if kind == "code":
        count = cell.get("execution_count")
        whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        outputs = cell.get("outputs")
        kept["execution_count"] = count if whole else None
        kept["outputs"] = [one for one in outputs if _output_fits(one)] if _is_list(outputs) else []
    else:
        attachments = _attachments(cell.get("attachments"))
        if attachments is not None:
            kept["attachments"] = attachments
    return kept


def _source(source: Any, number: int) -> str:
    text = _joined(source)
    if isinstance(text, str):
        return text
    raise DamagedNotebook(f"the source of cell {number} is {_said(source)}; allowed is text")


_SHAPES = {
    "collapsed": bool,
    "deletable": bool,
    "editable": bool,
    "scrolled": (bool, str),
    "format": str,
    "name": str,
    "jupyter": dict,
    "execution": dict,
    "nbgrader": dict,
}


def _cell_metadata(metadata: Any) -> dict[str, Any]:
    """What fits the schema; a wrong entry is worth nothing to anybody."""
    if not isinstance(metadata, dict):
        return {}
    kept = {k: v for k, v in metadata.items() if isinstance(v, _SHAPES.get(k, object))}
    if kept.get("scrolled") not in (True, False, "auto", None) or kept.get("name") == "":
        kept = {k: v for k, v in kept.items() if k not in ("scrolled", "name")}
    if not all(map(_is_text, kept.get("execution", {}).values())):
        del kept["execution"]
    tags = kept.pop("tags", None)
    if _is_list(tags):
        tags = [tag for tag in tags if isinstance(tag, str) and re.fullmatch(r"[^,]+", tag)]
        kept["tags"] = list(dict.fromkeys(tags))
    return kept


def _notebook_metadata(metadata: Any) -> dict[str, Any]:
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    kernel, language = kept.get("kernelspec"), kept.get("language_info")
    if not _texts(kernel, "name", "display_name"):
        kept.pop("kernelspec", None)
    if not _texts(language, "name"):
        kept.pop("language_info", None)
    else:
        shapes = {"file_extension": str, "mimetype": str, "codemirror_mode": (str, dict)}
        shapes |= {"pygments_lexer": str}
        kept["language_info"] = {
            key: value
            for key, value in language.items()
            if isinstance(value, shapes.get(key, object))
        }
    for key, shape in (("title", str), ("authors", list), ("orig_nbformat", int)):
        if not isinstance(kept.get(key), shape):
            kept.pop(key, None)
    return kept


def _texts(entry: Any, *keys: str) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in keys)


def _output_fits(output: Any) -> bool:
    if not isinstance(output, dict):
        return False
    from nbformat import ValidationError
    from nbformat.v4.nbbase import validate

    try:
        validate(output, "output")
    except ValidationError:
        return False
    return True


def _attachments(attachments: Any) -> dict[str, Any] | None:
    """What is text in them, and None where there are none."""
    if not isinstance(attachments, dict):
        return None
    return {
        name: {kind: _joined(data) for kind, data in bundle.items() if _is_text(_joined(data))}
        for name, bundle in attachments.items()
        if isinstance(bundle, dict)
    }


def _give_ids(cells: list[dict[str, Any]]) -> None:
    """Ids that are missing, odd or used before, made from the cell's place: always the same."""
    taken = {cell["id"] for cell in cells if isinstance(cell["id"], str)}
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        name = cell["id"]
        if not (isinstance(name, str) and _ID.fullmatch(name)) or name in seen:
            name = unused(f"cell-{number}", taken)
            taken.add(name)
        cell["id"] = name
        seen.add(name)


def unused(name: str, taken: set[str]) -> str:
    """``name``, or the first of ``name-2``, ``name-3``, ... that is not taken.

    >>> unused("a", {"a", "a-2"})
    'a-3'
    """
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _without_surrogates(data: Any) -> Any:
    """Halves of characters, which no file can hold, become the replacement character."""
    if isinstance(data, str):
        return _SURROGATE.sub("�", data)
    if isinstance(data, list):
        return [_without_surrogates(entry) for entry in data]
    if isinstance(data, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in data.items()}
    return data


def _joined(value: Any) -> Any:
    """Text that was written as a list of lines, as text."""
    if _is_list(value) and all(_is_text(line) for line in value):
        return "".join(value)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _said(value: Any) -> str:
    return "missing" if value is None else f"a JSON {_kind(value)}"


def _kind(value: Any) -> str:
    names = {list: "list", str: "text", bool: "truth value", dict: "object", type(None): "null"}
    return names.get(type(value), "number")
