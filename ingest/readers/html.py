"""HTML as a browser would show it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingest.readers.content import Block, Content, assembled
from ingest.readers.decode import decoded

if TYPE_CHECKING:
    from bs4 import Tag

_UNSEEN = frozenset("head script style noscript template svg iframe object datalist rp rt".split())
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu"
    " nav ol option p pre search section select summary table tbody td tfoot th thead tr ul".split()
)


def read(data: bytes) -> Content:
    """Read HTML."""
    text, remarks = decoded(data, _declared(data))
    stated, blocks = html_blocks(text)
    content = assembled(blocks)
    first = next((heading.title for heading in content.headings if heading.level == 1), "")
    return replace(content, title=first or stated, remarks=remarks)


def _declared(data: bytes) -> str:
    from bs4.dammit import EncodingDetector

    return EncodingDetector.find_declared_encoding(data, is_html=True) or ""


def html_blocks(markup: str) -> tuple[str, list[Block]]:
    """Return the text of <title>, and what a browser would show of the page."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is read as HTML on purpose
        soup = BeautifulSoup(markup, "lxml")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    for tag in soup.find_all(_is_hidden):
        if not tag.decomposed:
            tag.decompose()
    for br in soup.select("pre br"):
        br.replace_with("\n")
    return title, list(_walk(soup))


def _is_hidden(tag: Tag) -> bool:
    style = re.sub(r"\s", "", str(tag.get("style", ""))).lower()
    return (
        tag.name in _UNSEEN
        or tag.has_attr("hidden")
        or "headerlink" in tag.get_attribute_list("class")  # the pilcrow of Sphinx pages
        or "display:none" in style
        or "visibility:hidden" in style
    )


def _walk(root: Tag) -> Iterator[Block]:
    """Walk the tree with a stack of its own: pages may nest deeper than Python recurses."""
    from bs4.element import CData, NavigableString, Tag

    stack: list[tuple[Any, bool]] = [(root, False)]
    inline: list[str] = []
    marker = ""
    while stack:
        node, leaving = stack.pop()
        if not isinstance(node, Tag):
            if type(node) in (NavigableString, CData):  # the subclasses are comments and the like
                inline.append(re.sub(r"\s+", " ", node))
            continue
        if node.name == "br":
            inline.append("\n")
            continue
        if node is root or node.name in _BLOCKS:
            lines = (" ".join(line.split()) for line in "".join(inline).split("\n"))
            inline.clear()
            if text := "\n".join(lines).strip():
                yield Block(marker + text, run="item" if marker else "")
            if text or leaving:
                marker = ""
            if leaving:
                continue
            if block := _whole(node):
                yield block
                continue
            if node.name == "li":
                marker = "  " * len(node.find_parents("li")) + "- "
            stack.append((node, True))
        stack.extend((child, False) for child in reversed(node.contents))


def _whole(tag: Tag) -> Block | None:
    """Make one block of an element that is not to be walked into; None: walk into it."""
    if tag.name == "pre":
        return Block(tag.get_text().strip("\r\n"))
    if re.fullmatch("h[1-6]", tag.name):
        return Block(" ".join(tag.get_text().split()), level=int(tag.name[1]))
    # Tables that lay a page out hold headings or further tables; their rows are no rows of data.
    if tag.name == "tr" and not tag.find(re.compile("^(h[1-6]|table)$")):
        return _row([_joined(_walk(cell)) for cell in tag.find_all(["td", "th"])])
    return None


def _joined(blocks: Iterator[Block]) -> str:
    return " ".join(" ".join(block.text.split()) for block in blocks)


def _row(cells: list[str]) -> Block | None:
    return Block(" | ".join(cells), run="row") if any(cells) else None
