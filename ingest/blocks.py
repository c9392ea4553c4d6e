"""HTML and DOCX as blocks: paragraphs, list items, table rows, and headings, in reading order.

`documents` joins the blocks to one text and counts the offsets.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.errors import DocumentUnreadable

if TYPE_CHECKING:
    from bs4 import Tag
    from docx.blkcntnr import BlockItemContainer
    from docx.document import Document as DocxFile
    from docx.table import _Row
    from docx.text.paragraph import Paragraph

_UNSEEN = frozenset("head script style noscript template svg iframe object datalist rp rt".split())
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu"
    " nav ol option p pre search section select summary table tbody td tfoot th thead tr ul".split()
)
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@dataclass(frozen=True)
class Block:
    """Hold the text of one block; its lines are joined by "\\n"."""

    text: str
    level: int | None = None  # of a heading
    run: str = ""  # "item" or "row": no blank line between two of the same


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


def docx_blocks(data: bytes) -> tuple[str, list[Block]]:
    """Return the title in the file's properties, and its paragraphs and tables in order.

    Raises DocumentUnreadable when the file is encrypted or damaged.
    """
    import docx
    from docx.opc.exceptions import OpcError
    from lxml import etree

    if data.startswith(b"\xd0\xcf\x11\xe0"):  # an OLE file: an old .doc, or a wrapped-up .docx
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise DocumentUnreadable("it is encrypted: save a copy without a password")
        raise DocumentUnreadable("it is an old .doc file: save it as .docx")
    broken = (zipfile.BadZipFile, zlib.error, OpcError, etree.LxmlError)
    # python-docx looks parts and cells up without checks, hence the second line.
    try:
        file = docx.Document(io.BytesIO(data))
        _unwrap(file)
        return file.core_properties.title.strip(), list(_docx_items(file))
    except (
        *broken,
        KeyError,
        IndexError,
        ValueError,
        AttributeError,
        NotImplementedError,
    ) as error:
        reason = " ".join(str(error).split()).strip("\"'")  # a KeyError quotes its message
        raise DocumentUnreadable(f"damaged: {reason or type(error).__name__}") from None


def _unwrap(file: DocxFile) -> None:
    """Lift out what python-docx steps over: tracked insertions, content controls, smart tags."""
    from lxml import etree

    body = file.element.body
    etree.strip_elements(body, *(_WORD + tag for tag in ("sdtPr", "sdtEndPr", "smartTagPr")))
    etree.strip_tags(body, *(_WORD + tag for tag in ("ins", "sdt", "sdtContent", "smartTag")))


def _docx_items(container: DocxFile | BlockItemContainer) -> Iterator[Block]:
    from docx.table import Table

    for item in container.iter_inner_content():
        if isinstance(item, Table):
            for row in item.rows:
                if block := _row(_docx_cells(row)):
                    yield block
        elif item.text.strip() and (block := _paragraph(item)):
            yield block


def _paragraph(paragraph: Paragraph) -> Block | None:
    style = (paragraph.style.name if paragraph.style else None) or ""
    text = paragraph.text.strip()
    if heading := re.fullmatch(r"Heading ([1-9])", style):
        return Block(" ".join(text.split()), level=int(heading[1]))
    if style == "Title":
        return Block(" ".join(text.split()), level=0)
    if style.lower().startswith("toc "):  # the table of contents says everything twice
        return None
    properties = paragraph._p.pPr
    if style.startswith("List") or (properties is not None and properties.numPr is not None):
        return Block(f"- {text}", run="item")
    return Block(text)


def _docx_cells(row: _Row) -> list[str]:
    cells: list[str] = []
    previous = None
    for cell in row.cells:
        if cell._tc is not previous:  # a merged cell is listed once for each column it covers
            cells.append(_joined(_docx_items(cell)))
        previous = cell._tc
    return cells


def _joined(blocks: Iterator[Block]) -> str:
    return " ".join(" ".join(block.text.split()) for block in blocks)


def _row(cells: list[str]) -> Block | None:
    return Block(" | ".join(cells), run="row") if any(cells) else None
