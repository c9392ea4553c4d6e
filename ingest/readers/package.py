"""Office files as zip packages: parts as XML, relations between parts, and what is too large.

No damage of one part loses the others, and none ends in another error than DocumentUnreadable.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ingest.counts import many
from ingest.errors import DocumentUnreadable

if TYPE_CHECKING:
    from lxml.etree import _Element

OLE = b"\xd0\xcf\x11\xe0"
MARKUP = (".xml", ".rels", ".vml")  # the parts that are read; pictures and films never are
LARGEST, LARGEST_PART = 200_000_000, 80_000_000  # bytes of markup in a file, and parsed at once
TAGS = 6_000_000  # in a part: what each takes in memory is many times what it takes in the file
RATIO, RATIO_FROM = 100, 50_000_000  # so many times its size is no text, from so many bytes on
ENCRYPTED = "it is encrypted: save a copy without a password"
STREAMS = {"WordDocument": ".doc", "Workbook": ".xls", "Book": ".xls", "PowerPoint": ".ppt"}

# What the libraries of presentations and workbooks end in: they look things up without checks.
BROKEN = (
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
    AssertionError,
    RecursionError,
    OSError,
    zipfile.BadZipFile,
)

# ISO 29500 Strict, as Word saves it on wish, has the same elements in other namespaces.
_STRICT = b"http://purl.oclc.org/ooxml/"
_SCHEMAS = b"http://schemas.openxmlformats.org/"
_TRANSITIONAL = {
    _STRICT + name: _SCHEMAS + (to or name.replace(b"/", b"/2006/"))
    for name, to in (
        (b"officeDocument/relationships", b""),
        (b"officeDocument/math", b""),
        (b"officeDocument/sharedTypes", b""),
        (b"officeDocument/docPropsVTypes", b""),
        (b"officeDocument/extendedProperties", b"officeDocument/2006/extended-properties"),
        (b"officeDocument/customProperties", b"officeDocument/2006/custom-properties"),
        (b"wordprocessingml/main", b""),
        (b"spreadsheetml/main", b""),
        (b"presentationml/main", b""),
        (b"drawingml/main", b""),
        (b"drawingml/chart", b""),
        (b"drawingml/diagram", b""),
        (b"drawingml/picture", b""),
        (b"drawingml/chartDrawing", b""),
        (b"drawingml/lockedCanvas", b""),
        (b"drawingml/wordprocessingDrawing", b""),
        (b"drawingml/spreadsheetDrawing", b""),
    )
}
_STRICT_NAME = re.compile(re.escape(_STRICT) + rb"[A-Za-z]+/[A-Za-z]+")


@dataclass
class Package:
    """Hold an office file: its archive, and the parts that were damaged or missing."""

    archive: zipfile.ZipFile
    names: dict[str, zipfile.ZipInfo]  # by their lower-case path
    damaged: set[str] = field(default_factory=set)

    def part(self, name: str) -> bytes:
        """Return a part's bytes, in transitional names; nothing where it is missing or damaged."""
        info = self.names.get(name.lower())
        if info is None:
            return b""
        try:
            data = self.archive.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError):
            self.damaged.add(name)
            return b""
        except RuntimeError:  # how zipfile says that a password is wanted
            raise DocumentUnreadable(ENCRYPTED) from None
        if name.lower().endswith(MARKUP) and _STRICT in data:
            data = _STRICT_NAME.sub(_transitional, data)
        return data

    def xml(self, name: str) -> _Element | None:
        """Return a part's root element; of a damaged part, what can be read of it."""
        info = self.names.get(name.lower())
        if info is not None and info.file_size > LARGEST_PART:
            raise DocumentUnreadable(_too_large(info.file_size))
        data = self.part(name)
        if data.count(b"<") > TAGS:
            raise DocumentUnreadable(_too_large(len(data)))
        root, whole = parsed(data)
        if data and not whole:
            self.damaged.add(name)
        return root

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Return what a part refers to inside the file: id to (kind, path); "" is the package."""
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: dict[str, tuple[str, str]] = {}
        for relation in root.iter("{*}Relationship") if root is not None else ():
            target = relation.get("Target")
            if not target or relation.get("TargetMode") == "External":
                continue
            path = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
            kind = (relation.get("Type") or "").rpartition("/")[2]
            found[relation.get("Id") or f"?{len(found)}"] = (kind, path)
        return found

    def first(self, source: str, kind: str, otherwise: str) -> str:
        """Return the path of a part's first relation of a kind that exists."""
        paths = [path for of, path in self.related(source).values() if of == kind]
        return next((path for path in paths if path.lower() in self.names), otherwise)

    def repaired(self) -> bytes:
        """Write the file anew for a strict library: transitional, without pictures and dead links.

        Raises DocumentUnreadable when a part is too large.
        """
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as copy:
            for name, info in self.names.items():
                if name.endswith(".rels"):
                    copy.writestr(info.filename, self._live(info.filename))
                elif not name.endswith(MARKUP):
                    copy.writestr(info.filename, b"")
                elif data := self.part(name):
                    copy.writestr(info.filename, data)
        return stream.getvalue()

    def _live(self, name: str) -> bytes:
        """Return a part of relations without those that lead nowhere."""
        from lxml import etree

        root = self.xml(name)
        if root is None:
            return b""
        folder, base = posixpath.split(name)
        source = posixpath.join(posixpath.dirname(folder), base.removesuffix(".rels"))
        related = self.related(source)
        for relation in list(root):
            path = related.get(relation.get("Id") or "", ("", ""))[1]
            external = relation.get("TargetMode") == "External" and relation.get("Target")
            whole = relation.get("Id") and relation.get("Type")
            if not whole or not (external or path.lower() in self.names):
                root.remove(relation)
        return etree.tostring(root)


def opened(data: bytes, suffix: str) -> Package:
    """Open an office file. suffix: what it ought to be, ".docx".

    Raises DocumentUnreadable when it is encrypted, of an old format, damaged or too large.
    """
    if data.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise DocumentUnreadable(ENCRYPTED)
        streams = {old for name, old in STREAMS.items() if name.encode("utf-16-le") in data}
        old = streams.pop() if len(streams) == 1 else suffix.removesuffix("x")
        raise DocumentUnreadable(f"it is an old {old} file: save it as {old}x")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise DocumentUnreadable(f"damaged: {error}") from None
    names = {info.filename.lstrip("/").lower(): info for info in infos}
    size = sum(info.file_size for name, info in names.items() if name.endswith(MARKUP))
    if size > LARGEST or (size > RATIO_FROM and size > RATIO * len(data)):
        raise DocumentUnreadable(_too_large(size))
    return Package(archive, names)


def parsed(data: bytes) -> tuple[_Element | None, bool]:
    """Parse XML; return the root, and whether all of it is sound. Entities are not looked up."""
    from lxml import etree

    for recover in (False, True):
        parser = etree.XMLParser(
            recover=recover,
            resolve_entities=False,
            no_network=True,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            return etree.fromstring(data, parser), not recover
        except (etree.XMLSyntaxError, ValueError):
            continue
    return None, False


def damaged(error: Exception) -> DocumentUnreadable:
    """Return the refusal of a file that a library failed on, in one line."""
    reason = " ".join(str(error).split()).strip("\"'")
    return DocumentUnreadable(f"damaged: {reason or type(error).__name__}")


def counted(counts: Iterable[tuple[int, str, str]]) -> tuple[str, ...]:
    """Write remarks of counts, each with what it counts: "1 comment", "2 comments"; none of 0."""
    return tuple(many(n, one, more) for n, one, more in counts if n)


def _transitional(match: re.Match[bytes]) -> bytes:
    return _TRANSITIONAL.get(match[0], match[0])


def _too_large(size: int) -> str:
    return f"it unpacks to {size // 1_000_000} MB of text: too large, so split it"
