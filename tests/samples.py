"""Bytes of sample files, made in code: no binary file lies in the repository."""

from __future__ import annotations

import io
from collections.abc import Sequence

PAGE_HTML = """<!doctype html>
<html><head><meta charset="utf-8"><title>The tab's title</title>
<style>p { color: red }</style><script>var hidden = 1;</script></head>
<body>
<h1>Field guide<a class="headerlink" href="#x">¶</a></h1>
<p>First   paragraph,
with <b>bold</b>er text.<br>After a break.</p>
<p hidden>hidden one</p><p style="display: none">hidden two</p><!-- hidden three -->
<noscript>hidden four</noscript><template>hidden five</template>
<h2>Lists &amp; tables:</h2>
<ul><li>one</li><li><p>two</p><ul><li>two and a half</li></ul></li></ul>
<table><tr><th>Name</th><th>Price</th></tr><tr><td>RAG</td><td>low<br>cost</td></tr></table>
<pre>
def f():
    return  1
</pre>
<div>loose text</div>
</body></html>
"""


def docx_bytes() -> bytes:
    """Make a file with a title, headings, a list, a table between paragraphs, and an insertion."""
    import docx
    from docx.oxml import OxmlElement

    file = docx.Document()
    file.core_properties.title = "Title of the properties"
    file.add_paragraph("The handbook", style="Title")
    file.add_paragraph("Before any section.")
    file.add_heading("Prices:", level=1)
    file.add_paragraph("apples", style="List Bullet")
    file.add_paragraph("pears", style="List Number")
    table = file.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Fruit", "Price", "apple", "3.5"), strict=True):
        cell.text = text
    file.add_heading("Details", level=2)
    paragraph = file.add_paragraph("After the table")
    inserted = OxmlElement("w:ins")
    paragraph._p.append(inserted)
    inserted.append(paragraph.add_run(", with a tracked insertion.")._r)
    return _saved(file)


def plain_docx_bytes(title: str = "") -> bytes:
    """Make a file with one paragraph and no heading."""
    import docx

    file = docx.Document()
    file.core_properties.title = title
    file.add_paragraph("Only text.")
    return _saved(file)


def _saved(file: object) -> bytes:
    stream = io.BytesIO()
    file.save(stream)  # type: ignore[attr-defined]
    return stream.getvalue()


def pdf_bytes(
    pages: Sequence[Sequence[str]],
    title: str = "",
    outline: Sequence[tuple[str, int]] = (),
    encrypted: bool = False,
) -> bytes:
    """Make a PDF of pages of lines; outline: bookmarks as (title, index of its page).

    encrypted: says that a password is wanted (of which no reader can know whether it is right).
    """
    count = len(pages)
    first_mark = 4 + 2 * count  # after catalog, page tree, font, and two objects for each page
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(count))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /Outlines {first_mark} 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, lines in enumerate(pages):
        shown = " T* ".join(f"({_escaped(line)}) Tj" for line in lines)
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]"
            f" /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    last = first_mark + len(outline)
    objects.append(f"<< /Type /Outlines /First {first_mark + 1} 0 R /Last {last} 0 R >>")
    for number, (mark, page) in enumerate(outline, first_mark + 1):
        following = f" /Next {number + 1} 0 R" if number < last else ""
        objects.append(
            f"<< /Title ({_escaped(mark)}) /Parent {first_mark} 0 R"
            f" /Dest [{4 + 2 * page} 0 R /Fit]{following} >>"
        )
    objects.append(f"<< /Title ({_escaped(title)}) >>")
    trailer = f"/Info {len(objects)} 0 R"
    if encrypted:
        key = "00" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{key}> /U <{key}> >>")
        trailer += f" /Encrypt {len(objects)} 0 R /ID [<{key}> <{key}>]"
    return _pdf_file(objects, trailer)


Shown = tuple[float, float, float, str]  # left and base in points, type size, text


def drawn_pdf(
    pages: Sequence[Sequence[Shown | str]],
    info: str = "",
    annotations: Sequence[str] = (),
    catalog: str = "",
    page: str = "/MediaBox [0 0 420 595]",
    font: str = "",
) -> bytes:
    """Make a PDF of text placed by hand; a string among it is drawn as it is.

    Text that begins with "*" is bold. annotations: dictionaries, for the first page. catalog and
    page: further entries of these. font: the dictionary of F1, Helvetica else.
    """
    first = 5 + 2 * len(pages)
    kids = " ".join(f"{5 + 2 * index} 0 R" for index in range(len(pages)))
    marks = [f"{first + n} 0 R" for n in range(len(annotations))]
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog.replace('FIELDS', ' '.join(marks))} >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        font or "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for index, shown in enumerate(pages):
        stream = "\n".join(item if isinstance(item, str) else _shown(*item) for item in shown)
        held = f"/Annots [{' '.join(marks)}]" if not index else ""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R {page} {held}"
            f" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {6 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects += annotations
    objects.append(f"<< {info} >>")
    return _pdf_file(objects, f"/Info {len(objects)} 0 R")


def _shown(left: float, base: float, size: float, text: str) -> str:
    font, text = ("F2", text[1:]) if text.startswith("*") else ("F1", text)
    return f"BT /{font} {size} Tf {left} {base} Td ({_escaped(text)}) Tj ET"


def lined(left: float, top: float, lines: Sequence[str], size: float = 11) -> list[Shown]:
    """Place lines under each other, as a paragraph has them."""
    return [(left, top - 1.25 * size * n, size, line) for n, line in enumerate(lines)]


def _pdf_file(objects: list[str], trailer: str) -> bytes:
    data = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return data + (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{len(data)}\n%%EOF\n"
    ).encode("latin-1")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
