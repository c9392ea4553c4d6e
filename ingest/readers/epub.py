"""EPUB: the chapters of a book in their order."""

from __future__ import annotations

import io
import lzma
import posixpath
import re
import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ingest.errors import DocumentUnreadable
from ingest.readers import html
from ingest.readers.content import Block, Content, assembled, heading_title
from ingest.readers.decode import decoded

if TYPE_CHECKING:
    from lxml.etree import _Element

_LARGEST = 200_000_000  # bytes of all parts, unpacked
_FONTS = frozenset(  # scrambled fonts are no copy protection
    ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
)
_NUMBERED = re.compile(r"(?:chapter|part|kapitel|chapitre|cap[ií]tulo|book|appendix)\b|\d", re.I)
_MATTER = re.compile(  # before and after the chapters
    r"(?:cover|title ?page|half.?title|copyright|(?:table of )?contents|dedication|imprint|colophon"
    r"|epigraph|foreword|preface|acknowledge?ments?|about the authors?|index|notes|bibliography"
    r"|glossary|titel|impressum|inhalt(?:sverzeichnis)?|vorwort|cubierta|couverture)\b.{0,20}",
    re.IGNORECASE,
)
_JUNK = re.compile(r"(?:unknown|untitled|cover|title ?page|no title|\[.*\])?", re.IGNORECASE)
_MARKUP = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "application/xml")


_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@dataclass
class _Part:
    """Hold a file of the book that has text."""

    blocks: list[Block]
    label: str  # of it in the table of contents


def read(data: bytes) -> Content:
    """Read EPUB. Raises DocumentUnreadable for a damaged or protected book."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _book(_Archive(archive))
    except zipfile.BadZipFile as error:
        raise DocumentUnreadable(f"damaged: {' '.join(str(error).split())}") from None
    except (ValueError, struct.error, OSError, NotImplementedError):  # of a directory cut in two
        raise DocumentUnreadable("damaged: it is no whole zip file") from None
    except RuntimeError:  # zipfile's for an archive with a password
        raise DocumentUnreadable("it is encrypted: save a copy without a password") from None


class _Archive:
    """Give the parts of a zip file, and no more bytes than a book has."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {info.filename.lower(): info for info in archive.infolist()}
        self._left = _LARGEST

    def get(self, name: str) -> bytes | None:
        """Return a part's bytes, or None where there is none."""
        info = self._names.get(posixpath.normpath(name).lstrip("/").lower())
        if info is None:
            return None
        try:
            with self._archive.open(info) as stream:
                data = stream.read(self._left + 1)  # the size that a zip file states may be a lie
        except _BROKEN:  # one part is damaged, others may be whole
            return None
        self._left -= len(data)
        if self._left < 0:
            raise DocumentUnreadable("it unpacks to more than 200 MB: split it")
        return data


def _book(archive: _Archive) -> Content:
    _refuse_protected(archive)
    container = _xml(archive.get("META-INF/container.xml"))
    place = container.get("full-path", "") if container is not None else ""
    if container is not None and not place:
        place = next((e.get("full-path", "") for e in _named(container, "rootfile")), "")
    package = _xml(archive.get(place)) if place else None
    if package is None:
        raise DocumentUnreadable("damaged: it names no package of chapters")
    folder = posixpath.dirname(place)
    items = {item.get("id", ""): item for item in _named(package, "item")}
    labels = _labels(archive, package, items, folder)
    left: Counter[str] = Counter()
    parts: list[_Part] = []
    for reference in _named(package, "itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or "nav" in item.get("properties", "").split():
            continue
        if item.get("media-type", _MARKUP[0]).lower() not in _MARKUP:
            left["picture"] += 1  # a page drawn as SVG, or scanned
            continue
        name = _joined(folder, item.get("href", ""))
        data = archive.get(name)
        if data is None:
            left["damaged or missing chapter"] += 1
            continue
        page = _page(data)
        left.update(page.left)
        if page.blocks:
            parts.append(_Part(page.blocks, labels.get(name.lower(), "")))
    remarks = html.said(left)
    title = next((t for t in map(_text, _named(package, "title")) if not _JUNK.fullmatch(t)), "")
    content = assembled(_chapters(parts))
    return replace(content, title=title, date=_date(package), remarks=remarks)


def _page(data: bytes) -> html.Page:
    try:
        text, _ = decoded(data, html.declared(data))
    except DocumentUnreadable:
        return html.Page([], "", "", "", Counter({"unreadable chapter": 1}))
    return html.page(text, xml=True)


def _refuse_protected(archive: _Archive) -> None:
    reason = "its copy protection (DRM) keeps it closed: get a copy without it"
    if archive.get("META-INF/rights.xml") or archive.get("META-INF/sinf.xml"):
        raise DocumentUnreadable(reason)
    encryption = _xml(archive.get("META-INF/encryption.xml"))
    if encryption is None:
        return
    for data in _named(encryption, "EncryptedData"):
        methods = [method.get("Algorithm", "") for method in _named(data, "EncryptionMethod")]
        if not _FONTS.issuperset(methods):
            raise DocumentUnreadable(reason)


def _chapters(parts: list[_Part]) -> list[Block]:
    """Shift headings so that those of chapters have level 1, and name the chapters."""
    for part in parts:  # a heading that only the table of contents knows as one
        first = part.blocks[0]
        if all(block.level is None for block in part.blocks) and not first.run:
            named = heading_title(first.text).casefold()
            if part.label and named == heading_title(part.label).casefold():
                part.blocks[0] = replace(first, level=1)
    tops = Counter(
        next(block.level for block in part.blocks if block.level)
        for part in parts
        if any(block.level for block in part.blocks)
    )
    shift = min(tops, key=lambda level: (-tops[level], level)) - 1 if tops else 0
    blocks: list[Block] = []
    number = 0
    for n, part in enumerate(parts):
        heading = next((block.text for block in part.blocks if block.level), "")
        name = heading_title(part.label or heading)
        place = ""
        if name:
            plain = _NUMBERED.match(name) or _MATTER.fullmatch(name)
            number += not _MATTER.fullmatch(name)
            place = name if plain else f"chapter {number}: {name}"
        run = f"{n} "  # no list or table goes on from one part to the next
        for block in part.blocks:
            level = max(block.level - shift, 1) if block.level else None
            apart = run + block.run if block.run else ""
            blocks.append(replace(block, level=level, place=place, run=apart))
            place = ""
    return blocks


def _labels(
    archive: _Archive, package: _Element, items: dict[str, _Element], folder: str
) -> dict[str, str]:
    """Return what the table of contents calls each file: of EPUB 3, else of EPUB 2."""
    labels: dict[str, str] = {}
    for item in items.values():
        is_nav = "nav" in item.get("properties", "").split()
        if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        name = _joined(folder, item.get("href", ""))
        contents = _xml(archive.get(name))
        if contents is None:
            continue
        base = posixpath.dirname(name)
        if is_nav:
            for nav in _named(contents, "nav"):
                kinds = [
                    str(value) for key, value in nav.attrib.items() if str(key).endswith("type")
                ]
                if not kinds or "toc" in kinds:
                    for link in _named(nav, "a"):
                        target = _joined(base, link.get("href", "")).lower()
                        labels.setdefault(target, _text(link))
        else:
            for point in _named(contents, "navPoint"):
                link = next(_named(point, "content"), None)
                label = next(_named(point, "text"), None)
                if link is not None and label is not None:
                    target = _joined(base, link.get("src", "")).lower()
                    labels.setdefault(target, _text(label))
    return labels


def _joined(folder: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(link.partition("#")[0])))


def _xml(data: bytes | None) -> _Element | None:
    from lxml import etree

    if not data:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None


def _named(root: _Element, name: str):  # type: ignore[no-untyped-def]
    return root.iter(f"{{*}}{name}")


def _text(element: _Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def _date(package: _Element) -> str:
    dates = [html.iso_date(_text(date)) for date in _named(package, "date")]
    modified = [
        html.iso_date(_text(meta))
        for meta in _named(package, "meta")
        if meta.get("property") == "dcterms:modified"
    ]
    return next(filter(None, (*dates, *modified)), "")
