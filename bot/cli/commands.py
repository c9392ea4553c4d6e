"""What each command does; every function takes the settings and the parsed arguments.

The command line's second half, imported once the arguments are known to be good. Heavy libraries
load inside the functions that need them.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.cli.shell import ANSWERED, FAILED, USAGE, say
from ingest import library, weights
from ingest.embedder import Embedder
from ingest.errors import DocumentUnreadable, IndexMissing, SettingError, WhybotError
from ingest.settings import Settings
from ingest.sync import Progress, Report

# --- documents


def ingest(settings: Settings, args: argparse.Namespace) -> int:
    """Bring the index in line with the documents."""
    return _ingest(settings, lambda embedder, progress: library.ingest(
        settings, embedder, args.paths, args.rebuild, progress
    ))  # fmt: skip


def add(settings: Settings, args: argparse.Namespace) -> int:
    """Copy documents into the corpus folder, then ingest it."""
    if args.name and len(args.sources) > 1:
        say("whybot: --name goes with one source.")
        return USAGE
    if "-" in args.sources and not args.name:
        raise SettingError("What comes from stdin needs a name.", "whybot add --name notes.md -")
    refused = []
    copied = 0
    for name, placed in _placed(settings, args):
        if isinstance(placed, Exception):
            say(f"whybot: {name}: {getattr(placed, 'strerror', None) or placed}")
            refused.append((name, placed))
        else:
            say(f"copied to {placed}")
            copied += 1
    _hint([name for name, why in refused if isinstance(why, DocumentUnreadable)])
    if not copied:
        return FAILED
    code = _ingest(
        settings, lambda embedder, progress: library.ingest(settings, embedder, progress=progress)
    )
    return FAILED if refused else code


def _placed(
    settings: Settings, args: argparse.Namespace
) -> Iterator[tuple[str, Path | WhybotError | OSError]]:
    """Copy stdin, files, and the files of folders; yield each name with what became of it."""
    files: tuple[tuple[str, Path], ...] = ()
    for source in args.sources:
        if source == "-":
            try:
                data = sys.stdin.buffer.read()
                yield args.name, library.place(settings, args.name, data, args.replace)
            except (WhybotError, OSError) as error:
                yield args.name, error
            continue
        path = Path(source)
        found = library.candidates(path) if path.is_dir() else [(path.name, path)]
        if not found:
            yield source, SettingError("there is no file in it that is not hidden")
        files += ((args.name, found[0][1]),) if args.name and len(found) == 1 else (*found,)
    yield from library.place_all(settings, files, args.replace)


def _hint(names: Sequence[str]) -> None:
    for line in library.hints(names):
        say(f"hint: {line}")


def _ingest(settings: Settings, work: Callable[[Embedder, Progress], Report]) -> int:
    with _fetching(settings) as embedder, _bar() as progress:
        report = work(embedder, progress)
    for origin, name in report.moved:
        say(f"moved: {origin} -> {name}")
    for name, reason in report.skipped:
        say(f"skipped: {name}: {reason}")
    for name, remarks in report.remarks:
        say(f"note: {name}: {remarks}")
    _hint([name for name, _ in report.skipped])
    say(str(report))
    return FAILED if report.skipped else ANSWERED


def remove(settings: Settings, args: argparse.Namespace) -> int:
    """Remove documents from the index and the corpus folder."""
    with _fetching(settings) as embedder:
        for name in args.documents:
            chunks, kept = library.remove(settings, embedder, name)
            where = f"; its file is kept as {kept}" if kept else ""
            say(f"removed {name}: {chunks} chunks{where}")
    return ANSWERED


def list(settings: Settings, args: argparse.Namespace) -> int:
    """Print the documents in the index."""
    from ingest.index import Index
    from ingest.sync import fingerprint

    with _fetching(settings) as embedder, Index.read(settings, fingerprint(embedder)) as index:
        rows = library.entries(index.chunks())
    for row in rows:
        pages = f", {row.pages} pages" if row.pages else ""
        remarks = f"\t{row.remarks}" if row.remarks else ""
        print(f"{row.name}\t{row.title}\t{row.chunks} chunks{pages}{remarks}")
    say(f"{len(rows)} documents")
    return ANSWERED


def show(settings: Settings, args: argparse.Namespace) -> int:
    """Print a document as the bot sees it."""
    from bot.cli import show as showing
    from ingest.index import Index
    from ingest.sync import fingerprint

    with _fetching(settings) as embedder, Index.read(settings, fingerprint(embedder)) as index:
        chunks = index.chunks(args.document)
    if not chunks:
        raise IndexMissing(f"The index holds no document {args.document!r}.", "whybot list")
    print(showing.shown(chunks))
    return ANSWERED


@contextlib.contextmanager
def _fetching(settings: Settings) -> Iterator[Embedder]:
    with weights.progress_bar() as progress:
        embedder = Embedder.open(settings, progress)
    yield embedder


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    """Draw a bar on stderr with a rate and the time left, one for each kind of work."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def draw(what: str, done: int, total: int) -> None:
        if what not in bars:
            for other in bars.values():
                other.close()
            unit = "chunk" if what == "embedding" else "file"
            bars[what] = tqdm(
                desc=what, total=total, unit=unit, file=sys.stderr, leave=False, delay=0.5
            )
        bars[what].update(done - bars[what].n)

    try:
        yield draw
    finally:
        for bar in bars.values():
            bar.close()


# --- questions


def ask(settings: Settings, args: argparse.Namespace) -> int:
    """Answer one question, or a file of them."""
    from bot.cli import ask as asking

    if args.receipt:
        if args.jsonl:
            say("whybot: --receipt goes with one question.")
            return USAGE
        from bot.records import receipt_file

        receipt_file.check_place(args.receipt)
    if args.jsonl:
        if args.explain:
            say("whybot: --explain goes with one question; --jsonl has the whole trace.")
            return USAGE
        return asking.answer_file(settings, args.jsonl, args.only)
    question = _question(args.question)
    if not question:
        return USAGE
    return asking.answer_one(
        settings,
        question,
        as_json=args.json,
        explained=args.explain,
        receipt=args.receipt,
        only=args.only,
    )


def _question(asked: str) -> str:
    """Return a question, from stdin if it is "-"; of an empty one say so."""
    try:
        question = sys.stdin.read().strip() if asked == "-" else asked.strip()
    except UnicodeDecodeError as error:
        raise SettingError(f"What came from stdin is not UTF-8 ({error.reason}).") from error
    if not question:
        say("whybot: the question is empty.")
    return question


def compare(settings: Settings, args: argparse.Namespace) -> int:
    """Answer one question without passages, with those found, and with wrong ones."""
    from bot.cli import compare as compare_text

    question = _question(args.question)
    return compare_text.compare_one(settings, question) if question else USAGE


def replay(settings: Settings, args: argparse.Namespace) -> int:
    """Answer the question of a receipt again."""
    from bot.cli import replay as replaying

    return replaying.replay(settings, args.receipt, args.model, args.json)


def chat(settings: Settings, args: argparse.Namespace) -> int:
    """Serve the chat page until Ctrl-C."""
    say("starting the chat page ...")
    from bot.web import door
    from bot.web.app import serve

    rule = door.rule(args.host, args.allow_host, args.password)
    if rule.password and not args.password:
        say(f"the page asks for a password, made for this run: {rule.password}")
    serve(settings, args.host, args.port, not args.no_browser, rule)
    return ANSWERED


def eval(settings: Settings, args: argparse.Namespace) -> int:
    """Measure answers, stored answers, or retrieval."""
    from bot.cli import evaluate

    if args.retrieval:
        return evaluate.rank(settings, args.retrieval, args.fresh, args.limit, args.json)
    if args.rescore:
        return evaluate.rescore(args.rescore, args.json)
    options = evaluate.Options(args.out, args.baseline, args.fresh, args.limit, args.json)
    return evaluate.evaluate(settings, args.questions, options)


# --- the machine


def models(settings: Settings, args: argparse.Namespace) -> int:
    """List, fetch or remove weights."""
    if args.action == "list":
        for row in weights.listing(settings):
            state = "here" if row.intact else "not here" if not row.held else "incomplete"
            size = f"{row.size / 1e6:,.0f} MB"
            print(f"{row.name}\t{row.role}\t{size}\t{row.licence}\t{state}\t{row.path}")
        return ANSWERED
    if args.action == "remove" and not args.names:
        say("whybot: name the model to remove: `whybot models` lists them.")
        return USAGE
    for name in args.names or [*weights.MODELS]:
        if args.action == "fetch":
            with weights.progress_bar() as progress:
                print(weights.fetch(settings, name, progress))
        else:
            say(f"removed {name}: {weights.remove(settings, name) / 1e6:,.0f} MB freed")
    return ANSWERED


def about(settings: Settings, args: argparse.Namespace) -> int:
    """Print the document about this very bot, as it would be looked up now."""
    from bot.about import search
    from bot.session import open_bot

    with weights.progress_bar() as progress, open_bot(settings, progress, say) as bot:
        print(search.document(bot).text, end="")
    return ANSWERED


def doctor(settings: Settings, args: argparse.Namespace) -> int:
    """Check everything a question needs."""
    from bot.cli.doctor import examine

    failed = 0
    for check in examine(settings):
        mark = {True: "ok", False: "FAIL", None: "note"}[check.ok]
        print(f"{mark:5}{check.what}: {check.found}")
        if check.mend and check.ok is not True:
            print(f"     mend it with: {check.mend}")
        failed += check.ok is False
    say(f"{failed} of the checks failed" if failed else "everything a question needs is here")
    return FAILED if failed else ANSWERED
