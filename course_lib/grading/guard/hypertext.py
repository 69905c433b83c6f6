"""HTML, CSS and formulas that do nothing but show, made from HTML that may do anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3
import tinycss2

from course_lib.grading.guard.pictures import PICTURES, picture_fits

TAGS = frozenset(
    "a abbr b blockquote br caption center cite code col colgroup dd del details div dl dt em "
    "figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s "
    "samp small span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
    .split()
)  # fmt: skip
ATTRIBUTES = {
    "*": {"align", "class", "dir", "id", "lang", "style", "title"},
    "a": {"href"},
    "col": {"span", "width"},
    "details": {"open"},
    "font": {"color", "size"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"border", "width"},
    "td": {"colspan", "rowspan", "valign", "width"},
    "th": {"colspan", "rowspan", "scope", "valign", "width"},
}
# What Markdown makes by itself: the boxes of a task list.
MARKDOWN_TAGS = TAGS | {"input"}
MARKDOWN_ATTRIBUTES = ATTRIBUTES | {"input": {"checked", "disabled", "type"}}

_LINK = re.compile(r"(?:https?://|mailto:|#)[^\s\\]*", re.IGNORECASE)
_DATA = re.compile(r"data:(image/\w+);base64,([A-Za-z0-9+/=\s]*)", re.IGNORECASE)
_FILE = re.compile(r"(?:\./)?\w[\w %-]*(?:\.\w[\w %-]*)*(?:/\w[\w %-]*(?:\.\w[\w %-]*)*)*")
# pandas, pygments and nbconvert write these; formgrader's own classes are buttons that score.
_CLASS = re.compile(
    r"dataframe|data|blank|index_name|(?:col|row)_heading|(?:row|col|level)_?\d{1,6}|col_trim|row_trim"
    r"|anchor-link|highlight|[a-z]{1,2}\d?|task-list-item(?:-checkbox)?|language-[\w+#-]{1,30}"
    r"|jp-Mermaid|mermaid"
)
_STYLER_ID = re.compile(r"T_\w{1,80}")
# Shape and colour of text and tables; nothing that moves, covers or loads.
_PROPERTIES = re.compile(
    r"color|background|background-color|text-align|text-decoration|vertical-align|white-space"
    r"|font-(?:weight|style|size|family)|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style"
    r"|width))?|border-(?:collapse|spacing)|padding(?:-(?:top|right|bottom|left))?|width|min-width"
    r"|max-width|height|word-break|caption-side|opacity"
)
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "linear-gradient"}
_VALUE_TOKENS = {"ident", "number", "dimension", "percentage", "hash", "whitespace", "string"}
_SELECTOR = re.compile(r"(?:\.dataframe|#T_\w+)[\w\s.#:>_()-]*")
# Every tag that can lie inside itself: the time that nh3 needs grows with the square of the depth.
_NESTING = re.compile(r"<(?!(?:br|td|th|tr)\b)[a-zA-Z]", re.IGNORECASE)
MOST_TAGS = 5_000

LONGEST = 200_000  # characters; longer HTML is always written anew

_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\b")
# Formulas that link, load, name or restyle parts of the page.
_ACTIVE_TEX = re.compile(
    r"\\(href|style|class|cssId|require|html[a-zA-Z]*|includegraphics|mmlToken|csname|begincsname"
    r"|texttip|mathtip|toggle|action|let|futurelet)(?![a-zA-Z])"
)


def clean_html(html: str) -> str:
    """HTML with tables, pictures that it carries itself, and text; unchanged if it is no more.

    >>> clean_html('<table class="dataframe"><tr><td onclick="x()">1</td></tr></table>')
    '<table class="dataframe"><tbody><tr><td>1</td></tr></tbody></table>'
    >>> clean_html("<p>5 &lt; 6</p>")
    '<p>5 &lt; 6</p>'
    >>> clean_html('<img src="https://example.org/x.png"><script>alert(1)</script>')
    '<img>'
    """
    if len(_NESTING.findall(html)) > MOST_TAGS:
        return "<p>[HTML that is too complex to be checked, removed]</p>"
    # nh3 takes style elements away with their content. What comes back is written anew from
    # known tokens, and holds no "<" that could end it.
    styles = [css for css in map(clean_css, _style_sheets(html)) if css]
    cleaned = _nh3(html, TAGS, ATTRIBUTES, rel="noopener noreferrer")
    if not styles and clean_latex(cleaned) == cleaned and _is_own_cleaning(html):
        return html
    sheet = f'<style type="text/css">\n{"".join(styles)}</style>\n' if styles else ""
    return sheet + clean_latex(cleaned)


def markdown_html_is_inert(html: str) -> bool:
    """Whether HTML that was made from Markdown shows something and does nothing.

    It is compared with what nh3 makes of it.
    """
    own = _is_own_cleaning(html, MARKDOWN_TAGS, MARKDOWN_ATTRIBUTES)
    return own and clean_latex(html) == html


def _is_own_cleaning(
    html: str,
    tags: frozenset[str] = TAGS,
    attributes: dict[str, set[str]] = ATTRIBUTES,
) -> bool:
    # Something follows, as in a page: a tag that is left open would swallow it.
    probe = f"{html}\n<hr>"
    return same_tokens(probe, _nh3(probe, tags, attributes))


def clean_latex(text: str) -> str:
    r"""Formulas with the names of active commands as plain words.

    >>> clean_latex(r"$\href{javascript:alert(1)}{x}$")
    '$\\text{href}{javascript:alert(1)}{x}$'
    """
    return _ACTIVE_TEX.sub(r"\\text{\1}", text) if _MATH.search(text) else text


def _style_sheets(html: str) -> list[str]:
    """What stands between ``<style>`` and ``</style>``."""
    parts = re.split(r"<style\b[^<>]*>", html, flags=re.IGNORECASE)[1:]
    ends = (re.search("</style", part, re.IGNORECASE) for part in parts)
    return [part[: end.start()] for part, end in zip(parts, ends, strict=True) if end]


def clean_css(css: str) -> str:
    """Rules for tables of pandas, with properties that only colour and align.

    >>> clean_css("#T_a td { color: red; position: fixed } body { display: none }")
    '#T_a td {color: red}\\n'
    """
    rules = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        selector = tinycss2.serialize(rule.prelude).strip()
        if all(_SELECTOR.fullmatch(part.strip()) for part in selector.split(",")):
            kept = _declarations(rule.content)
            if kept:
                rules.append(f"{' '.join(selector.split())} {{{'; '.join(kept)}}}\n")
    return "".join(rules)


def _declarations(content: object) -> list[str]:
    declarations = tinycss2.parse_declaration_list(
        content, skip_comments=True, skip_whitespace=True
    )
    kept = []
    for one in declarations:
        if one.type == "declaration" and _PROPERTIES.fullmatch(one.lower_name) and _calm(one.value):
            kept.append(f"{one.lower_name}: {tinycss2.serialize(one.value).strip()}")
    return kept


def _calm(tokens: list) -> bool:
    for token in tokens:
        if token.type == "function":
            if token.lower_name not in _FUNCTIONS or not _calm(token.arguments):
                return False
        elif token.type == "literal":
            if token.value not in (",", "/"):
                return False
        elif token.type not in _VALUE_TOKENS:
            return False
        if any(character in token.serialize() for character in "<\\&"):
            return False
    return True


def _nh3(
    html: str,
    tags: frozenset[str] = TAGS,
    attributes: dict[str, set[str]] = ATTRIBUTES,
    rel: str | None = None,
) -> str:
    return nh3.clean(
        html,
        tags=set(tags),
        attributes=attributes,
        attribute_filter=_attribute,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=rel,
        strip_comments=True,
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value that an attribute may have, or None."""
    if name == "href":
        return value if _LINK.fullmatch(value) else None
    if name == "src":
        return value if _source_fits(value) else None
    if name == "class":
        kept = [word for word in value.split() if _CLASS.fullmatch(word)]
        return _if_any(value, kept, value.split(), " ")
    if name == "id":
        heading = re.fullmatch("h[1-6]", tag)
        return value if heading or _STYLER_ID.fullmatch(value) else None
    if name == "style":
        written = [part for part in value.split(";") if part.strip()]
        return _if_any(value, _declarations(value), written, "; ")
    if tag == "input" and name == "type":
        return value if value == "checkbox" else None
    return value


def _if_any(value: str, kept: list[str], given: list[str], between: str) -> str | None:
    """The value as it was where nothing was taken from it."""
    if len(kept) == len(given):
        return value
    return between.join(kept) or None


def _source_fits(value: str) -> bool:
    """A picture in the address itself, or a picture that was handed in; nothing from elsewhere."""
    data = _DATA.fullmatch(value)
    if data:
        return picture_fits(data[1].lower(), data[2])
    return bool(_FILE.fullmatch(value)) and value.rpartition(".")[2].lower() in _ENDINGS


_ENDINGS = {kind.removeprefix("image/") for kind in PICTURES} | {"jpg", "svg"}


class _Tokens(HTMLParser):
    """Everything in a text without declarations, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append(("start", tag, sorted((k, v or "") for k, v in attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self.found.append(("end", tag))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "text":
            data = self.found.pop()[1] + data
        self.found.append(("text", data))


_VOID = {"br", "col", "hr", "img", "input"}


def same_tokens(first: str, second: str) -> bool:
    """Whether two texts are the same HTML but for spelling (quotes, entities, ``<br />``)."""
    # Comments and declarations, whole or broken, are read differently everywhere.
    if re.search(r"<[!?]", first + second) or len(first) > LONGEST:
        return first == second
    return _tokens(first) == _tokens(second)


def _tokens(html: str) -> list[tuple]:
    parser = _Tokens()
    parser.feed(html)
    parser.close()
    return parser.found
