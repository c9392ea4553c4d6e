"""The library to HTML: the documents of the index, and what became of uploads. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bot.web import links
from bot.web.parts import link, reasons, said
from ingest.library import Entry
from ingest.sync import Report


def documents(entries: Sequence[Entry], skipped: Mapping[str, str], opening: bool) -> str:
    """Return the table of documents, and those that were skipped."""
    parts = []
    if entries:
        rows = "".join(
            f'<tr><th scope="row">{link(links.document(entry.name), entry.name)}</th>'
            f"<td>{escape(entry.title)}{remark(entry.remarks)}</td>"
            f'<td class="number">{entry.chunks} {link(links.chunks(entry.name), "chunks")}</td>'
            f'<td class="number">{entry.pages or "–"}</td></tr>'
            for entry in entries
        )
        parts.append(
            '<div class="scroll"><table class="documents"><thead><tr><th scope="col">Document</th>'
            '<th scope="col">Title</th><th scope="col" class="number">Chunks</th>'
            f'<th scope="col" class="number">Pages</th></tr></thead><tbody>{rows}</tbody></table>'
            "</div>"
        )
    else:
        text = "The documents are still being read." if opening else "No documents yet: add one."
        parts.append(f'<p class="empty">{text}</p>')
    if skipped:
        parts.append(f"<h3>Skipped</h3>{reasons(sorted(skipped.items()))}")
    return "".join(parts)


def report(done: Report | None, rejected: Sequence[tuple[str, str]]) -> str:
    """Return what became of uploaded files: the report, and those that were not taken."""
    parts = [said(f"{done}.")] if done else []
    refused = [*rejected, *(done.skipped if done else [])]
    if refused:
        parts.append(f'<div class="error"><p>Not added:</p>{reasons(refused)}</div>')
    if done and done.remarks:
        parts.append(f"<p>What was left out or guessed:</p>{reasons(done.remarks)}")
    return "".join(parts)


def remark(text: str) -> str:
    """Return what the reader left out of a document, as a line under its title."""
    return f"<br><small>{escape(text)}</small>" if text else ""
