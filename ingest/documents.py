"""Bytes to a Document: its text, and where its headings, pages and parts begin in that text.

The format is chosen by the suffix of the name. No file is opened here: the caller brings the bytes.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import PurePath

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Content, Heading, Place

VERSION = 1  # changes when the same bytes would be read otherwise
HEADING = 200  # characters of a heading or title at most; what is longer is text


@dataclass(frozen=True)
class Document:
    """Hold one file of the corpus as text; every offset counts characters of that text."""

    name: str
    text: str
    title: str
    headings: tuple[Heading, ...]
    pages: tuple[int, ...]  # where each page begins; empty when the format has no pages
    sha256: str  # of the file's bytes
    places: tuple[Place, ...] = ()  # slides, sheets, chapters, cells
    date: str = ""
    version: str = ""
    remarks: tuple[str, ...] = ()  # what was left out or guessed


def read_document(name: str, data: bytes) -> Document:
    """Read a file's bytes by the suffix of its name.

    Raises DocumentUnreadable with the reason.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        if suffix in OLD:
            raise DocumentUnreadable(f"it is an old {suffix} file: save it as {OLD[suffix]}")
        raise DocumentUnreadable(f"unsupported kind {suffix or '(no suffix)'}: use {KINDS}")
    if not data.strip():
        raise DocumentUnreadable("it is empty")
    module, function = SUFFIXES[suffix].split(".")
    reader = importlib.import_module(f"ingest.readers.{module}")
    content: Content = getattr(reader, function)(data)
    if not content.text.strip():
        hint = " (scanned pages need OCR first)" if content.pages else ""
        raise DocumentUnreadable(f"it holds no text{hint}")
    title = _short(content.title) or PurePath(name).stem
    digest = hashlib.sha256(data).hexdigest()
    return Document(
        name,
        content.text,
        title,
        tuple(heading for heading in content.headings if len(heading.title) <= HEADING),
        content.pages,
        digest,
        content.places,
        content.date,
        content.version,
        content.remarks,
    )


def _short(title: str) -> str:
    """Cut a title that is no title at a word."""
    title = " ".join(title[: 10 * HEADING].split())
    return title if len(title) <= HEADING else title[:HEADING].rpartition(" ")[0] or title[:HEADING]


CODE = (
    ".jsonl .ndjson .yaml .yml .toml .ini .cfg .conf .properties .log .sql .py .pyi .js .mjs"
    " .jsx .ts .tsx .java .kt .scala .c .h .cc .cpp .hpp .cs .go .rs .swift .rb .php .pl .lua .r"
    " .jl .m .sh .bash .zsh .ps1 .bat .css .scss .vue .svelte .proto .graphql .tf .diff .patch"
).split()
"""The suffixes of source code, settings and logs, which are read as they are."""

SUFFIXES: dict[str, str] = {
    ".md": "markdown.read",
    ".markdown": "markdown.read",
    ".mdown": "markdown.read",
    ".mdx": "markdown.read",
    ".qmd": "markdown.read",
    ".rmd": "markdown.read",
    ".txt": "plain.read",
    ".text": "plain.read",
    ".adoc": "outline.read_asciidoc",
    ".asciidoc": "outline.read_asciidoc",
    ".org": "outline.read_org",
    ".tex": "code.read",
    ".rst": "rst.read",
    ".csv": "delimited.read",
    ".tsv": "delimited.read_tabs",
    ".tab": "delimited.read_tabs",
    ".json": "code.read_json",
    **dict.fromkeys(CODE, "code.read"),
    ".html": "html.read",
    ".htm": "html.read",
    ".xhtml": "html.read_xhtml",
    ".epub": "epub.read",
    ".eml": "mail.read",
    ".mbox": "mail.read_mbox",
    ".ipynb": "notebook.read",
    ".pdf": "pdf.read",
    ".docx": "docx.read",
    ".pptx": "pptx.read",
    ".xlsx": "xlsx.read",
    ".odt": "odt.read",
    ".ods": "odt.read",
    ".rtf": "rtf.read",
}
"""What can be read: a file's suffix, in lower case, and the function of `readers` that reads it.

A reader is imported when a file asks for it: all of them take 0.15 s, and most commands read none.
"""

KINDS = (
    ".pdf .docx .odt .rtf .pptx .xlsx .ods .csv .tsv .md .txt .rst .html .epub .eml .mbox .ipynb"
    " .json or source code"
)
"""The kinds of SUFFIXES that people ask for, in one line for them."""

OLD = {".doc": ".docx", ".dot": ".docx", ".xls": ".xlsx", ".ppt": ".pptx", ".pps": ".pptx"}
"""Suffixes of formats that no reader reads, and as what their program saves them for one."""
