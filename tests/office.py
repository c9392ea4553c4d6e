"""Office files made in code, of XML as programs write it."""

from __future__ import annotations

import io
import zipfile

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SPACES = (
    f'xmlns:w="{_W}"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def archive(parts: dict[str, str | bytes]) -> bytes:
    """Write a zip file of parts by their paths."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return stream.getvalue()


def word(body: str, **parts: str) -> bytes:
    """Write a DOCX file. parts: what stands inside the roots of styles, numbering, comments..."""
    roots = {"header1": "hdr", "chart1": ""}
    kinds = {"header1": "header", "chart1": "chart"}
    written: dict[str, str | bytes] = {
        "_rels/.rels": _relations({"officeDocument": "word/document.xml"}),
        "word/document.xml": f"<w:document {_SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relations(
            {kinds.get(name, name): f"{name}.xml" for name in parts}
        ),
    }
    for name, inside in parts.items():
        root = roots.get(name, name)
        tag = f"w:{root}" if root else "c:chartSpace"
        written[f"word/{name}.xml"] = f"<{tag} {_SPACES}>{inside}</{tag}>"
    return archive(written)


def _relations(targets: dict[str, str]) -> str:
    inside = "".join(
        f'<Relationship Id="r-{kind}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def p(text: str = "", style: str = "", own: str = "") -> str:
    """Write a paragraph of one run, or of the runs that text holds as XML."""
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    runs = text if text.startswith("<") or not text else r(text)
    return f"<w:p><w:pPr>{styled}{own}</w:pPr>{runs}</w:p>"


def r(text: str, own: str = "") -> str:
    """Write a run."""
    return f'<w:r><w:rPr>{own}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def style(name: str, inside: str, shown: str = "", kind: str = "paragraph") -> str:
    """Write a style; shown: its name, where it is not its id."""
    named = f'<w:name w:val="{shown or name}"/>'
    return f'<w:style w:type="{kind}" w:styleId="{name}">{named}{inside}</w:style>'


def levels(*forms: tuple[str, str], number: str = "1", more: str = "") -> str:
    """Write numbering of one list; forms: of each level, its format and its text."""
    inside = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (form, text) in enumerate(forms)
    )
    abstract = f'<w:abstractNum w:abstractNumId="{number}">{inside}</w:abstractNum>'
    num = f'<w:num w:numId="{number}"><w:abstractNumId w:val="{number}"/></w:num>'
    return abstract + num + more


def item(text: str, level: int = 0, number: int = 1) -> str:
    """Write a paragraph of a list."""
    own = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    return p(text, own=own)


def tbl(*rows: str, grid: int = 0) -> str:
    """Write a table of rows, each the XML inside of w:tr."""
    columns = "<w:gridCol/>" * grid
    written = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    return f"<w:tbl><w:tblPr/><w:tblGrid>{columns}</w:tblGrid>{written}</w:tbl>"


def tc(text: str, own: str = "") -> str:
    """Write a cell."""
    inside = text if text.startswith("<") else p(text)
    return f"<w:tc><w:tcPr>{own}</w:tcPr>{inside}</w:tc>"


def odf(body: str, styles: str = "", meta: str = "", kind: str = "text") -> bytes:
    """Write an ODT or ODS file; styles: automatic styles of its content."""
    names = ("office", "text", "table", "style", "drawing", "meta", "svg-compatible")
    spaces = " ".join(
        f"xmlns:{name.partition('-')[0].replace('drawing', 'draw')}="
        f'"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in names
    )
    spaces += ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {spaces}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {spaces}><office:meta>{meta}</office:meta>"
            "</office:document-meta>",
        }
    )
