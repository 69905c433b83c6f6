"""Where in a page a warning points to."""

from docutils import nodes


def nearest_with_line(node: nodes.Node) -> nodes.Node:
    """The node itself, or the nearest around it that knows its line."""
    while not node.line and node.parent is not None:
        node = node.parent
    return node
