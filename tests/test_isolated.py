"""Documents are read in other processes, and no file hurts another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakes import start_python
from samples import pdf_bytes

from ingest import documents, isolated, pages
from ingest.documents import Document
from ingest.errors import DocumentUnreadable, ReadersUnavailable
from ingest.isolated import Limits, Read, Readers

LIMITS = Limits(seconds=0.5, seconds_a_megabyte=0, waits=8, memory=150_000_000, text=1_000_000)
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals, and descriptors of pipes")


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    """Every process that a test starts has ended when it ends."""
    before = {child.pid for child in psutil.Process().children()}
    yield
    assert {child.pid for child in psutil.Process().children()} <= before


def readers(count: int = 1, limits: Limits = LIMITS) -> Readers:
    return Readers(count, "bad_reader", limits)


def read(*texts: str, count: int = 1, limits: Limits = LIMITS) -> list[str]:
    """Have the reader read texts; return each document's text, or why there is none."""
    jobs = [(f"{number}.txt", text.encode()) for number, text in enumerate(texts)]
    with readers(count, limits) as pool:
        found = list(pool.read(jobs))
    assert [name for name, _ in found] == [name for name, _ in jobs]
    return [said(result) for _, result in found]


def said(result: Read) -> str:
    if isinstance(result, Document):
        return result.text
    return result.message if isinstance(result, DocumentUnreadable) else str(result.strerror)


# --- what a reader may do


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("refuse it is\nno \x1b[31m book", "it is no \ufffd[31m book"),
        ("raise odd", "a fault in the reader (ValueError: odd; bad_reader.py:"),
        ("recurse", "its parts are nested too deep"),
        ("exit 3", "the reader ended (exit code 3)"),
        ("vanish 4", "the reader ended (exit code 4)"),
        ("work", "it took longer than 1 s to read"),
        ("hold", "it took longer than 1 s to read"),
        ("sleep 60", "it took longer than 1 s to read"),
        ("eat 1000", "it needs more than 150 MB to read"),
        ("swallow 1000000000000", "it needs more than 150 MB to read"),
        ("repeat 1000001", "its text is too long: split it"),
        ("outside", "a fault in the reader (its places lie outside the text)"),
        ("half", "a fault in the reader (UnicodeEncodeError: "),
        pytest.param("crash", "the reader crashed (signal 11)", marks=POSIX),
        pytest.param("abort", "the reader crashed (signal 6)", marks=POSIX),
        pytest.param("burst 100000000", "it needs more than 150 MB to read", marks=POSIX),
        pytest.param("forge", "a fault in the reader (", marks=POSIX),
        pytest.param("flood", "its text is too long: split it", marks=POSIX),
    ],
)
def test_what_goes_wrong_becomes_a_reason_and_the_next_is_read(order: str, reason: str) -> None:
    before, bad, after = read("before", order, "after")
    assert bad.startswith(reason)
    assert "\n" not in bad
    assert (before, after) == ("before", "after")


def test_what_a_reader_prints_is_no_answer_and_stdin_is_empty() -> None:
    assert read("print", "after") == ["''", "after"]


def test_a_text_as_long_as_allowed_comes_back() -> None:
    assert read("repeat 1000000") == ["x" * 1_000_000]


def test_a_small_file_has_no_text_of_millions() -> None:
    orders = ("repeat 1000000", "repeat 1002000", "after")
    long, bomb, after = read(*orders, limits=Limits())
    assert (len(long), bomb, after) == (1_000_000, "its text is too long: split it", "after")
    assert Limits(text=30_000_000).longest(100_000) == 11_000_000
    assert Limits(text=30_000_000).longest(1_000_000) == 30_000_000


def test_every_field_of_a_document_comes_back() -> None:
    for name, data in {
        "notes/a.md": "# One\n\nText for 3 €.\n\n## Two\n\nMore.".encode(),
        "b.pdf": pdf_bytes([["The first page."], ["The second page."]]),
    }.items():
        assert isolated.read_document(name, data) == documents.read_document(name, data)


def test_a_page_is_drawn_as_this_process_would_draw_it() -> None:
    data = pdf_bytes([["The first page."], ["The second page.", "Its other line."], ["Third."]])
    document = documents.read_document("a.pdf", data)
    start = document.text.index("Its other")
    spans = [(start, start + 9), (document.pages[1], document.pages[1] + 10)]
    wanted = pages.picture(data, document, 2, spans)
    assert all(wanted.boxes)
    with Readers(1) as pool:
        assert pool.picture(data, document, 2, spans) == wanted
        with pytest.raises(DocumentUnreadable, match="page 2 cannot be drawn"):
            pool.picture(b"%PDF-1.4", document, 2, spans)


# --- the limits


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    large = b"x" * 1_000_001
    (tmp_path / "a.txt").write_bytes(large)
    with readers(limits=Limits(size=1_000_000)) as pool:
        found = pool.read([("a.txt", tmp_path / "a.txt"), ("b.txt", large), ("c.txt", b"c")])
        reason = "it is larger than 1 MB: split it"
        assert [said(result) for _, result in found] == [reason, reason, "c"]


def test_a_kind_that_is_not_read_starts_no_process() -> None:
    with readers(limits=Limits(size=10)) as pool:
        ((_, result),) = pool.read([("film.mp4", b"x" * 11)])
        assert "unsupported kind .mp4" in said(result)
        assert not pool._children


def test_a_file_that_is_not_there_keeps_what_the_system_says(tmp_path: Path) -> None:
    with readers() as pool:
        ((_, result),) = pool.read([("a.txt", tmp_path / "a.txt")])
    assert isinstance(result, OSError)
    assert said(result) == os.strerror(2)


def test_the_time_grows_with_the_file() -> None:
    limits = Limits(seconds=6, seconds_a_megabyte=20, seconds_at_most=300)
    assert limits.time(0) == 6
    assert limits.time(1_000_000) == 26
    assert limits.time(10**9) == 300


def test_work_counts_and_not_the_clock() -> None:
    assert read("sleep 1") == ["sleep 1"]


# --- the processes


def test_a_process_reads_many_documents_and_is_replaced_after_a_fault() -> None:
    first, second, _, third = read("pid", "pid", "raise", "pid")
    assert first == second != third


def test_a_process_that_keeps_much_memory_is_replaced() -> None:
    orders = ("pid", "keep 100000000", "pid", "keep 1000", "pid")
    first, _, second, _, third = read(*orders, limits=Limits(memory=200_000_000))
    assert first != second == third


def test_results_come_in_order_from_several_processes() -> None:
    found = read("sleep 0.6", *map(str, range(20)), "sleep 0.6", count=2)
    assert found == ["sleep 0.6", *map(str, range(20)), "sleep 0.6"]


def test_several_processes_read_at_the_same_time() -> None:
    first, second = (span.split() for span in read("stamp 2", "stamp 2", count=2))
    assert max(first[0], second[0]) < min(first[1], second[1])


def test_jobs_are_taken_a_few_ahead_only() -> None:
    taken = 0

    def jobs() -> Iterator[tuple[str, bytes]]:
        nonlocal taken
        while True:
            taken += 1
            yield "a.txt", b"a"

    with readers() as pool:
        next(pool.read(jobs()))
        assert taken <= isolated.AHEAD


def test_a_process_holds_nothing_heavy() -> None:
    loaded = set(read("modules")[0].split())
    assert not loaded & {"torch", "chromadb", "numpy", "gradio", "pydantic", "subprocess"}


def test_modules_are_not_looked_for_in_the_folder_one_works_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    (tmp_path / "ingest").mkdir()
    (tmp_path / "ingest" / "__init__.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    assert read("fine") == ["fine"]


def test_readers_that_cannot_start_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Readers(1, "no_such_reader") as pool, pytest.raises(ReadersUnavailable, match="exit code"):
        list(pool.read([("a.txt", b"a")]))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with readers() as pool, pytest.raises(ReadersUnavailable, match="nowhere"):
        list(pool.read([("a.txt", b"a")]))


def test_one_document_by_itself() -> None:
    assert isolated.read_document("a.md", b"# A\n\nB").title == "A"
    with pytest.raises(DocumentUnreadable, match="it is empty"):
        isolated.read_document("a.md", b" ")


def test_it_works_in_a_thread() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(read("raise", "pid")))
    thread.start()
    thread.join()
    assert found[1].isdigit()


def test_leaving_early_ends_what_is_being_read() -> None:
    began = time.monotonic()
    with pytest.raises(KeyError), readers(limits=Limits()) as pool:
        for name, _ in pool.read([("a.txt", b"a"), ("b.txt", b"sleep 60")]):
            raise KeyError(name)
    assert time.monotonic() - began < 10


SCRIPT = """
import sys
from ingest.isolated import Limits, Readers
with Readers(2, "bad_reader", Limits(seconds=60)) as pool:
    for name, result in pool.read([("a.txt", b"pid"), ("b.txt", sys.argv[1].encode())]):
        print(result.text, flush=True)
"""


def started(order: str) -> tuple[subprocess.Popen[str], psutil.Process, psutil.Process]:
    """Start a program with two readers, one of them at work; return it and both."""
    process = start_python(SCRIPT, order)
    assert process.stdout
    assert process.stdout.readline().strip().isdigit()
    end = time.monotonic() + 20
    while len(children := psutil.Process(process.pid).children()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    return process, children[0], children[1]


@POSIX
@pytest.mark.parametrize("order", ["work", "sleep 60", "hold"])
def test_ctrl_c_ends_everything_at_once(order: str) -> None:
    process, *children = started(order)
    began = time.monotonic()
    for each in (*children, psutil.Process(process.pid)):  # a terminal tells them all
        each.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert "KeyboardInterrupt" in stderr
    assert psutil.wait_procs(children, timeout=5)[1] == []


@pytest.mark.parametrize("order", ["work", "sleep 60"])
def test_readers_end_with_a_parent_that_is_killed(order: str) -> None:
    process, *children = started(order)
    process.kill()
    process.communicate()
    assert psutil.wait_procs(children, timeout=10)[1] == []
