"""DOCX: paragraphs, list items, tables and headings, in reading order."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Block, Content, assembled, leading_title

if TYPE_CHECKING:
    from docx.blkcntnr import BlockItemContainer
    from docx.document import Document as DocxFile
    from docx.table import _Row
    from docx.text.paragraph import Paragraph

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read(data: bytes) -> Content:
    """Read DOCX."""
    stated, blocks = docx_blocks(data)
    content = assembled(blocks)
    return replace(content, title=leading_title(content.headings) or stated)


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
