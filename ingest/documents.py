"""Bytes to a Document: its text, and where its headings, pages and parts begin in that text.

The format is chosen by the suffix of the name. No file is opened here: the caller brings the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from ingest.errors import DocumentUnreadable
from ingest.readers import code, delimited, docx, html, markdown, outline, pdf, plain, rst
from ingest.readers.content import Content, Heading, Place


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
        known = " ".join(sorted(SUFFIXES))
        raise DocumentUnreadable(f"unsupported kind {suffix or '(no suffix)'}: use {known}")
    if not data.strip():
        raise DocumentUnreadable("it is empty")
    content = SUFFIXES[suffix](data)
    if not content.text.strip():
        hint = " (scanned pages need OCR first)" if content.pages else ""
        raise DocumentUnreadable(f"it holds no text{hint}")
    title = content.title or PurePath(name).stem
    digest = hashlib.sha256(data).hexdigest()
    return Document(
        name,
        content.text,
        title,
        content.headings,
        content.pages,
        digest,
        content.places,
        content.date,
        content.version,
        content.remarks,
    )


CODE = (
    ".jsonl .ndjson .yaml .yml .toml .ini .cfg .conf .properties .log .sql .py .pyi .js .mjs"
    " .jsx .ts .tsx .java .kt .scala .c .h .cc .cpp .hpp .cs .go .rs .swift .rb .php .pl .lua .r"
    " .jl .m .sh .bash .zsh .ps1 .bat .css .scss .vue .svelte .proto .graphql .tf .diff .patch"
).split()
"""The suffixes of source code, settings and logs, which are read as they are."""

SUFFIXES: dict[str, Callable[[bytes], Content]] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".mdown": markdown.read,
    ".mdx": markdown.read,
    ".qmd": markdown.read,
    ".rmd": markdown.read,
    ".txt": plain.read,
    ".text": plain.read,
    ".adoc": outline.read_asciidoc,
    ".asciidoc": outline.read_asciidoc,
    ".org": outline.read_org,
    ".tex": code.read,
    ".rst": rst.read,
    ".csv": delimited.read,
    ".tsv": delimited.read_tabs,
    ".tab": delimited.read_tabs,
    ".json": code.read_json,
    **dict.fromkeys(CODE, code.read),
    ".html": html.read,
    ".htm": html.read,
    ".pdf": pdf.read,
    ".docx": docx.read,
}
"""What can be read: a file's suffix, in lower case, and the function that reads its bytes."""
