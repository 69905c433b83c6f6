"""Pictures inside a notebook: that they are what they say, and that a drawing only draws."""

from __future__ import annotations

import base64
import binascii
import re

PICTURES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_SHAPES = frozenset(
    "svg g defs title desc path rect circle ellipse line polyline polygon text tspan use symbol "
    "clipPath mask marker linearGradient radialGradient stop pattern image style metadata".split()
)
# What drawing programs write about a drawing, inside its metadata.
_ABOUT = (
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}",
    "{http://creativecommons.org/ns#}",
    "{http://purl.org/dc/elements/1.1/}",
)
_HARMFUL = re.compile(r"javascript|expression|@|\\|url\((?!\s*[\"']?#)", re.IGNORECASE)


def picture_fits(kind: str, data: str) -> bool:
    """Whether base64 text is a picture of the kind that it claims to be, by its first bytes.

    >>> picture_fits("image/gif", "R0lGODlhAQABAAAAACw=")
    True
    >>> picture_fits("image/png", "PHNjcmlwdD4=")
    False
    """
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return raw.startswith(PICTURES.get(kind, ())) if kind in PICTURES else False


def svg_is_clean(text: str) -> bool:
    """Whether an SVG drawing holds shapes and text only, and points only into itself.

    >>> svg_is_clean('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>')
    True
    >>> svg_is_clean('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
    False
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if re.search(r"<\?(?!xml\s)|<!ENTITY|<!\[CDATA\[(?s:.*?)<", text):
        return False
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError):
        return False
    return root.tag == f"{_SVG}svg" and all(_draws(element) for element in root.iter())


def _draws(element) -> bool:
    if element.tag.startswith(_ABOUT):
        return True
    if element.tag.removeprefix(_SVG) not in _SHAPES or not element.tag.startswith(_SVG):
        return False
    if element.tag == f"{_SVG}style" and _HARMFUL.search(element.text or ""):
        return False
    return all(_attribute_fits(name, value) for name, value in element.attrib.items())


def _attribute_fits(name: str, value: str) -> bool:
    if name in ("href", f"{_XLINK}href"):
        own = re.fullmatch(r"\s*#[\w.:-]+\s*", value)
        data = re.fullmatch(r"\s*data:(image/\w+);base64,([A-Za-z0-9+/=\s]*)", value)
        return bool(own or (data and picture_fits(data[1], data[2])))
    return not (name.lower().startswith("on") or _HARMFUL.search(value))
