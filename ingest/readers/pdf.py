"""PDF: the text layer of its pages, and the headings that its bookmarks name."""

from __future__ import annotations

import re
import threading
from typing import Any

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Content, Heading, heading_title

PDFIUM = threading.Lock()  # pdfium keeps global state: two threads must not be in it at once
PDFIUM_SIGNS = {0xFFFE: "-", 2: "-", 0: None}  # its marks for a hyphen at a line's end; padding
_NEWLINE = re.compile(r"\r\n?|\n")  # the line ends that Markdown knows; str.splitlines has more


def read(data: bytes) -> Content:
    """Read PDF."""
    with PDFIUM:
        import pypdfium2

        try:
            with pypdfium2.PdfDocument(data) as pdf:
                texts = [_page_text(page) for page in pdf]
                outline = [
                    (bookmark.get_title(), bookmark.level + 1, target.get_index())
                    for bookmark in pdf.get_toc()
                    if (target := bookmark.get_dest())
                ]
                title = " ".join(pdf.get_metadata_value("Title").split())
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                reason = "it is encrypted: save a copy without a password"
            else:
                reason = f"damaged: {error}"
            raise DocumentUnreadable(reason) from None
    pages = [0]
    for text in texts[:-1]:
        pages.append(pages[-1] + len(text) + 1)
    headings = _outline_headings(texts, pages, outline)
    return Content("\n".join(texts), headings, tuple(pages), title)


def _page_text(page: Any) -> str:
    textpage = page.get_textpage()
    text = str(textpage.get_text_bounded())
    textpage.close()
    page.close()
    return _NEWLINE.sub("\n", text).translate(PDFIUM_SIGNS).strip()


def _outline_headings(
    texts: list[str], pages: list[int], outline: list[tuple[str, int, int | None]]
) -> tuple[Heading, ...]:
    """Find each bookmark's title as a whole line of its page; those not found are no headings."""
    found: dict[int, Heading] = {}
    for title, level, page in outline:
        if page is None or not _line_key(title):
            continue
        for line in re.finditer(r"[^\n]+", texts[page]):
            start = pages[page] + line.start()
            if _line_key(line[0]) == _line_key(title) and start not in found:
                end = pages[page] + line.end()
                found[start] = Heading(start, end, level, heading_title(title))
                break
    return tuple(found[start] for start in sorted(found))


def _line_key(line: str) -> str:
    """Make lines comparable: bookmarks often lack the section's number."""
    return re.sub(r"^\d[\d.]*\s+", "", " ".join(line.split())).casefold()
