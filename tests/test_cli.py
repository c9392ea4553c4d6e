"""The command line: what it prints where, and its exit codes. The models are stand-ins."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_believer import Believer, Query, believing
from fakes import ROOT, FakeEmbedder, run_python, write_files

from bot import session
from bot.cli import commands
from bot.cli.main import build_parser, main
from bot.cli.shell import ABSTAINED, ANSWERED, FAILED, INTERRUPTED, USAGE
from bot.llm.providers import Chosen
from bot.records import receipt_file
from bot.records.receipt import Receipt
from bot.trace import Turn
from ingest import weights
from ingest.embedder import Embedder
from ingest.errors import ModelFailed

HEAVY = (
    "torch transformers sentence_transformers chromadb gradio langchain_core numpy"
    " langchain pandas huggingface_hub xllamacpp ollama httpx tokenizers docx pypdfium2 bs4"
    " sklearn scipy"
).split()
RAG = "# RAG\n\nRAG adds latency. It needs a vector store.\n"
QUESTION = "What does RAG add?"

Shell = Callable[..., tuple[int, str, str]]


def known_commands() -> list[str]:
    """Return the commands that the parser knows."""
    actions = build_parser()._subparsers
    assert actions is not None
    return [*actions._group_actions[0].choices]  # type: ignore[misc]


COMMANDS = known_commands()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with an embedder that needs no weights and no Ollama."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHYBOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    opened = staticmethod(lambda settings, progress=None: FakeEmbedder().real)
    monkeypatch.setattr(Embedder, "open", opened)
    for name in ("LANGSMITH_TRACING", "GRADIO_ANALYTICS_ENABLED"):  # which `main` sets
        monkeypatch.setenv(name, "")
    return tmp_path


@pytest.fixture
def shell(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def run(*argv: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        try:
            code = main(argv)
        except SystemExit as end:
            code = int(str(end.code))
        return code, *capsys.readouterr()

    handler = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Believer]:
    """Make the chat model one that writes a draft and has beliefs."""

    def say(draft: Any = "RAG adds latency.", rewritten: str = "", **beliefs: Any) -> Believer:
        beliefs = {"answerable": 0.95, **beliefs}
        model = Believer(draft=draft, rewritten=rewritten, beliefs=beliefs)

        @contextmanager
        def open_model(*args: Any) -> Iterator[Chosen]:
            yield believing(model, notes=("a note",))

        monkeypatch.setattr(session, "open_model", open_model)
        return model

    return say


@pytest.fixture
def seeded(folder: Path, shell: Shell) -> None:
    write_files(folder / "corpus", {"rag.md": RAG})
    assert shell("ingest")[0] == ANSWERED


def one_line(code: int, out: str, err: str) -> str:
    """Check that a failure is one line on stderr and nothing on stdout; return it."""
    assert (code, out) == (FAILED, "")
    assert err.startswith("whybot: ")
    assert err.count("\n") == 1
    return err


# --- help and usage

LIGHT = [
    *([], ["--help"], ["--version"], ["nonsense"], ["ask"]),
    *(["chat", "--port", "x"], ["chat", "--allow-host", "http://x"]),
    *([command, "--help"] for command in COMMANDS),
]


def test_help_and_usage_errors_import_nothing_heavy() -> None:
    code = f"""
import contextlib, io, sys
from bot.cli.main import main
for argv in {LIGHT!r}:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()), \\
            contextlib.redirect_stderr(io.StringIO()):
        main(argv)
print(*sorted({set(HEAVY)!r} & sys.modules.keys()))
"""
    assert run_python(code) == "\n"


def test_a_wrong_setting_is_found_before_anything_heavy_is_imported() -> None:
    code = f"""
import os, sys
os.environ["WHYBOT_TOP_K"] = "many"
from bot.cli.main import main
assert main(["list"]) == 1
print(*sorted({set(HEAVY)!r} & sys.modules.keys()))
"""
    assert run_python(code) == "\n"


@pytest.mark.parametrize("argv", [["--help"], ["ask", "--nonsense"]])
def test_help_and_usage_errors_answer_at_once(argv: list[str]) -> None:
    """Time on the processor, which a busy machine stretches less than that on the clock."""

    def spent() -> float:
        times = os.times()
        return times.children_user + times.children_system

    best = 9.0
    for _ in range(5):
        began = spent()
        subprocess.run([sys.executable, "-m", "bot", *argv], cwd=ROOT, capture_output=True)
        best = min(best, spent() - began)
        if best < 0.3:
            break
    assert best < 0.3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(shell: Shell, command: str) -> None:
    code, out, err = shell(command, "--help")
    assert (code, err) == (ANSWERED, "")
    assert f"usage: whybot {command}" in out
    assert command in shell("--help")[1]


def test_every_command_has_its_function() -> None:
    assert {"chat", "ask", "ingest", "add", "remove", "list", "models", "doctor"} <= {*COMMANDS}
    assert all(callable(getattr(commands, command)) for command in COMMANDS)


def test_the_help_names_every_setting(shell: Shell) -> None:
    from dataclasses import fields

    from ingest.settings import Settings

    out = shell("--help")[1]
    for field in fields(Settings):
        assert f"WHYBOT_{field.name.upper()}" in out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["ask"],
        ["ask", ""],
        ["ask", "  "],
        ["ask", "-"],
        ["ask", "Why?", "--jsonl", "file"],
        ["ask", "Why?", "--explain", "--json"],
        ["ask", "--explain", "--jsonl", "file"],
        ["ask", "Why?", "--top-k", "few"],
        ["ask", "Why?", "--receipt", "r.txt"],
        ["ask", "Why?", "--receipt", "html"],
        ["ask", "--jsonl", "file", "--receipt", "r.html"],
        ["replay"],
        ["chat", "--port", "70000"],
        ["chat", "--port", "x"],
        ["add"],
        ["add", "a.md", "b.md", "--name", "c.md"],
        ["remove"],
        ["models", "steal"],
        ["models", "remove"],
    ],
)
def test_wrong_usage_exits_with_2(shell: Shell, argv: list[str]) -> None:
    code, out, err = shell(*argv)
    assert (code, out) == (USAGE, "")
    assert err
    assert "Traceback" not in err


# --- errors


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ask", "Why?"], "whybot ingest"),
        (["list"], "whybot ingest"),
        (["remove", "ghost.md"], "whybot list"),
        (["ingest"], "corpus"),
        (["ingest", "nowhere"], "nowhere"),
        (["add", "nowhere"], "nowhere"),
        (["add", "-"], "--name"),
        (["models", "fetch", "ghost"], "ghost"),
        (["ask", "Why?", "--top-k", "0"], "top_k"),
        (["ask", "--jsonl", "nowhere.jsonl"], "nowhere.jsonl"),
        (["ask", "Why?", "--receipt", "nowhere/r.html"], "mkdir -p nowhere"),
        (["replay", "nowhere.html"], "whybot ask --receipt"),
    ],
)
def test_an_error_is_one_line_on_stderr(shell: Shell, argv: list[str], words: str) -> None:
    assert words in one_line(*shell(*argv))


def test_a_wrong_variable_is_one_line_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHYBOT_WINDOW", "large")
    assert "WHYBOT_WINDOW" in one_line(*shell("list"))


@pytest.mark.usefixtures("seeded")
def test_an_unknown_model_is_one_line_too(shell: Shell) -> None:
    code, out, err = shell("ask", "--model", "gpt", QUESTION)
    assert "'gpt'" in one_line(code, out, err)


def test_an_interruption_exits_with_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "list", interrupt)
    code, out, err = shell("list")
    assert (code, out) == (INTERRUPTED, "")
    assert err.count("\n") == 1
    assert "interrupted" in err


def test_a_bug_keeps_its_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "list", lambda *args: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        shell("list")


@pytest.mark.skipif(os.name == "nt", reason="no such pipes")
def test_a_reader_that_has_had_enough_is_no_error(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "bot", "models"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment
        )
    finally:
        os.close(writing)
    assert done.stderr == ""
    assert done.returncode == FAILED


# --- documents


def test_ingest_says_what_it_did_on_stderr(folder: Path, shell: Shell) -> None:
    write_files(folder / "corpus", {"rag.md": RAG, "a.txt": "Apples."})
    code, out, err = shell("ingest")
    assert (code, out) == (ANSWERED, "")
    assert "2 added, 0 updated" in err
    assert "2 unchanged" in shell("ingest")[2]
    (folder / "corpus/a.txt").rename(folder / "corpus/b.txt")
    assert "moved: a.txt -> b.txt" in shell("ingest")[2]
    assert "2 added" in shell("ingest", "--rebuild")[2]


def test_a_skipped_file_is_named_and_exits_with_1(folder: Path, shell: Shell) -> None:
    write_files(folder / "corpus", {"rag.md": RAG, "empty.md": ""})
    code, out, err = shell("ingest")
    assert (code, out) == (FAILED, "")
    assert "skipped: empty.md: it is empty" in err
    assert "1 added" in err
    assert shell("list")[1].startswith("rag.md\tRAG\t")


def test_the_index_can_lie_elsewhere(folder: Path, shell: Shell) -> None:
    write_files(folder / "corpus", {"rag.md": RAG})
    assert shell("ingest", "--index", "other")[0] == ANSWERED
    assert (folder / "other/chroma.sqlite3").is_file()
    assert not (folder / ".whybot").exists()
    assert shell("list", "--index", "other")[1].startswith("rag.md")


def test_add_copies_and_ingests(folder: Path, shell: Shell) -> None:
    write_files(folder, {"in/rag.md": RAG, "in/box/a.txt": "Apples.", "in/.hidden": "x"})
    code, out, err = shell("add", "in/rag.md", "in/box")
    assert (code, out) == (ANSWERED, "")
    assert "2 added" in err
    assert shell("add", "-", "--name", "notes/std.txt", stdin="From stdin.\n")[0] == ANSWERED
    assert shell("add", "in/rag.md", "--name", "copy.md")[0] == ANSWERED
    names = [line.split("\t")[0] for line in shell("list")[1].splitlines()]
    assert names == ["box/a.txt", "copy.md", "notes/std.txt", "rag.md"]
    assert (folder / "corpus/notes/std.txt").read_text() == "From stdin.\n"


def test_add_refuses_and_replaces(folder: Path, shell: Shell) -> None:
    write_files(folder, {"in/a.txt": "Apples.", "in/b.png": "?", "in/c.txt": "Cherries."})
    write_files(folder / "corpus", {"a.txt": "Others."})
    code, out, err = shell("add", "in/a.txt", "in/b.png", "in/c.txt")
    assert (code, out) == (FAILED, "")
    assert "whybot add --replace a.txt" in err
    assert "b.png: unsupported kind .png" in err
    assert (folder / "corpus/a.txt").read_text() == "Others."
    assert (folder / "corpus/c.txt").read_text() == "Cherries."  # the rest went on
    assert shell("add", "--replace", "in/a.txt")[0] == ANSWERED
    assert (folder / "corpus/a.txt").read_text() == "Apples."


def test_a_folder_of_which_nothing_can_be_read_fails(folder: Path, shell: Shell) -> None:
    write_files(folder, {"in/a.xyz": "?", "in/b.doc": "?", "in/c.doc": "?", "in/d.md": ""})
    (folder / "none").mkdir()
    write_files(folder, {"corpus/a.xyz": "?"})
    for command in ("add", "ingest"):
        code, out, err = shell(command, "in")
        assert (code, out) == (FAILED, "")
        for name in ("a.xyz", "b.doc", "c.doc", "d.md"):
            assert f"in/{name}: " in err
        assert err.count("hint: .doc files are not read: save them as .docx") == 1
        assert "hint: .md" not in err
    code, out, err = shell("add", "none")
    assert (code, out) == (FAILED, "")
    assert "whybot: none: there is no file in it" in err


def test_a_hidden_file_is_refused(folder: Path, shell: Shell) -> None:
    write_files(folder, {"in/.hidden.md": RAG})
    assert "hidden" in one_line(*shell("add", "in/.hidden.md"))
    assert "hidden" in one_line(*shell("add", "--name", "x/.a.md", "-", stdin=RAG))
    assert not [*folder.glob("corpus/**/*.md")]
    assert shell("add", "--name", "a.md", "in/.hidden.md")[0] == ANSWERED


def test_a_missing_source_adds_nothing_by_halves(folder: Path, shell: Shell) -> None:
    write_files(folder, {"in/a.txt": "Apples."})
    assert shell("add", "in/a.txt", "in/ghost.txt")[0] == FAILED
    copied = (folder / "corpus/a.txt").is_file()
    listed = "a.txt" in shell("list")[1]
    assert copied == listed


@pytest.mark.usefixtures("seeded")
def test_remove_tells_where_the_file_is_kept(folder: Path, shell: Shell) -> None:
    code, out, err = shell("remove", "rag.md")
    assert (code, out) == (ANSWERED, "")
    assert "removed rag.md: 1 chunks" in err
    assert str(Path(".whybot/removed/rag.md")) in err
    assert (folder / ".whybot/removed/rag.md").read_text() == RAG
    assert shell("list") == (ANSWERED, "", "0 documents\n")


# --- questions


@pytest.mark.usefixtures("seeded")
def test_an_answer_goes_to_stdout_and_the_rest_to_stderr(
    shell: Shell, says: Callable[..., Believer]
) -> None:
    says([(5, 9), "RAG adds ", "latency. It needs a vector store."])
    code, out, err = shell("ask", QUESTION)
    assert code == ANSWERED
    answer, _, sources = out.partition("\n\nSources:\n")
    assert answer == "RAG adds latency. [1] It needs a vector store. [1]"
    assert sources.startswith("  [1] rag.md")
    assert "score" in sources
    assert "note: a note" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("seeded")
def test_an_abstention_exits_with_3_and_shows_the_nearest_passages(
    shell: Shell, says: Callable[..., Believer]
) -> None:
    says(answerable=0.05)
    code, out, _ = shell("ask", QUESTION)
    assert code == ABSTAINED
    assert out.startswith("The documents do not say.")
    assert "[1] rag.md" in out


@pytest.mark.usefixtures("seeded")
def test_only_what_is_named_is_asked_and_the_trace_says_so(
    folder: Path, shell: Shell, says: Callable[..., Believer]
) -> None:
    write_files(folder / "corpus", {"notes/a.md": "# Tea\n\nTea adds warmth."})
    assert shell("ingest")[0] == ANSWERED
    says(answerable=0.05)
    code, out, _ = shell("ask", "--json", "--only", "notes", QUESTION)
    answer = json.loads(out)
    assert (code, answer["knobs"]["only"]) == (ABSTAINED, ["notes"])
    found = [*answer["passages"], *(one["passage"] for one in answer["dropped"])]
    assert {passage["document"] for passage in found} == {"notes/a.md"}
    assert "only notes" in shell("ask", "--explain", "--only", "notes", QUESTION)[1]
    code, out, err = shell("ask", "--only", "nowhere", QUESTION)
    assert "holds no document nowhere" in one_line(code, out, err.splitlines(True)[-1])


@pytest.mark.usefixtures("seeded")
def test_a_document_is_shown_as_the_bot_sees_it(folder: Path, shell: Shell) -> None:
    table = "# Fares\n\n## Tram\n\n| Ticket | Price |\n| --- | --- |\n| Day | 4.20 |\n"
    write_files(folder / "corpus", {"fares.md": table})
    assert shell("ingest")[0] == ANSWERED
    code, out, _ = shell("show", "fares.md")
    assert code == ANSWERED
    assert out.startswith("document: fares.md\ntitle: Fares\ntable rows: 1\nchunks: 1\n")
    assert "\noutline:\n  Tram\n" in out
    assert "--- chunk 1 of 1: Tram\n| Ticket | Price |" in out
    assert "'ghost.md'" in one_line(*shell("show", "ghost.md"))


@pytest.mark.usefixtures("seeded")
def test_a_question_from_stdin(shell: Shell, says: Callable[..., Believer]) -> None:
    model = says()
    assert shell("ask", "-", stdin=f"{QUESTION}\n")[0] == ANSWERED
    assert [query.words["question"] for query in model.asked("draft")] == [QUESTION]


@pytest.mark.usefixtures("seeded")
def test_json_is_one_object(shell: Shell, says: Callable[..., Believer]) -> None:
    says()
    code, out, _ = shell("ask", "--json", QUESTION)
    data = json.loads(out)
    assert code == ANSWERED
    assert (data["question"], data["answer"]) == (QUESTION, "RAG adds latency. [1]")
    assert data["abstained"] is False
    says(answerable=0.05)
    code, out, _ = shell("ask", "--json", QUESTION)
    assert (code, json.loads(out)["abstained"]) == (ABSTAINED, True)


@pytest.mark.usefixtures("seeded")
def test_the_explanation_follows_the_sources(shell: Shell, says: Callable[..., Believer]) -> None:
    says("RAG adds latency. It needs a vector store.")
    plain = shell("ask", QUESTION)[1]
    says("RAG adds latency. It needs a vector store.")
    code, out, err = shell("ask", "--explain", QUESTION)
    assert code == ANSWERED
    assert out.startswith(plain)
    assert "Gate:" not in err
    told = out.removeprefix(plain)
    assert told.startswith("\nWhy this answer:\n")
    heads = [line.split(":")[0] for line in told.splitlines()[2:] if line[:1].strip()]
    assert heads == "Question Search Passages Gate Prompt Draft Check Time".split()
    assert "  | <passage 1:" in told
    assert "passage 1 says: “RAG adds latency.”" in told
    assert "write the draft" in told
    assert "█" in told


@pytest.mark.usefixtures("seeded")
def test_an_abstention_is_explained_too(shell: Shell, says: Callable[..., Believer]) -> None:
    says(answerable=0.05)
    code, out, _ = shell("ask", "--explain", QUESTION)
    assert code == ABSTAINED
    assert "Gate: Stopped here: the passages hold the answer with a probability of" in out


@pytest.mark.usefixtures("seeded")
def test_a_comparison_is_three_texts_on_stdout(shell: Shell, says: Callable[..., Believer]) -> None:
    def draft(query: Query) -> str:
        return "On Mars." if query.kind == "bare" else "RAG adds latency."

    says(draft)
    code, out, err = shell("compare", "-", stdin=QUESTION)
    assert code == ANSWERED
    assert re.findall(r"^\d\. [\w ]+", out, re.M) == [
        "1. Without documents ", "2. With retrieval ", "3. With wrong passages ",
    ]  # fmt: skip
    assert "not in the passages found, nothing like it in column 2: On Mars." in out
    assert "in the passages found [1] 100%" in out
    assert "there are no wrong ones to give" in out
    assert "fake (a test)" in err
    assert shell("compare", " ")[0] == USAGE


@pytest.mark.usefixtures("seeded")
def test_a_model_that_breaks_off_is_one_line(shell: Shell, says: Callable[..., Believer]) -> None:
    for option in ([], ["--json"]):
        says(["RAG ", ModelFailed("The engine is gone.")])
        code, out, err = shell("ask", *option, QUESTION)
        assert (code, out) == (FAILED, "")
        assert err.splitlines()[-1] == "whybot: The engine is gone."


@pytest.mark.usefixtures("seeded")
def test_a_file_of_questions(folder: Path, shell: Shell, says: Callable[..., Believer]) -> None:
    rows = [
        {"id": "first", "question": QUESTION},
        {"question": "and the store?", "history": [QUESTION]},
        {"id": 7, "question": "What is RAG?"},
        {"id": "last", "question": "What does RAG cost?", "history": None},
    ]
    text = "\n".join(json.dumps(row) for row in rows[:2]) + "\n\n"
    text += "\n".join(json.dumps(row) for row in rows[2:])
    (folder / "questions.jsonl").write_text(text)
    model = says(
        {
            QUESTION: "RAG adds latency.",
            "the store": "It needs a vector store.",
            "What is RAG?": [ModelFailed("Gone.")],
        },
        rewritten="What does the store add?",
        answerable={"cost": 0.05, "": 0.95},
    )
    code, out, _ = shell("ask", "--jsonl", "questions.jsonl")
    assert code == FAILED  # one of them failed, and the others went on
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["id"] for line in lines] == ["first", "2", "7", "last"]
    assert lines[0]["answer"] == "RAG adds latency. [1]"
    assert lines[1]["resolved_question"] == "What does the store add?"
    assert lines[2] == {"id": "7", "question": "What is RAG?", "error": "Gone."}
    assert lines[3]["abstained"] is True
    assert len(model.asked("rewrite")) == 1, "a history is that of its own line"


@pytest.mark.usefixtures("seeded")
def test_questions_from_stdin(shell: Shell, says: Callable[..., Believer]) -> None:
    says(answerable=0.05)
    code, out, _ = shell("ask", "--jsonl", "-", stdin=json.dumps({"question": QUESTION}))
    assert (code, json.loads(out)["id"]) == (ANSWERED, "1")


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "bad",
    [b"no json", b"[]", b"{}", b'{"question": " "}', b'{"question": "a", "history": "b"}', b"\xff"],
)
def test_a_wrong_line_is_named_before_the_first_answer(
    folder: Path, shell: Shell, says: Callable[..., Believer], bad: bytes
) -> None:
    model = says()
    (folder / "bad.jsonl").write_bytes(b'{"question": "good"}\n' + bad + b"\n")
    error = one_line(*shell("ask", "--jsonl", "bad.jsonl"))
    assert "bad.jsonl" in error
    assert model.asked() == []


# --- receipts


@pytest.fixture
def receipt(seeded: None, shell: Shell, says: Callable[..., Believer], folder: Path) -> Path:
    says()
    code, out, err = shell("ask", "--receipt", "r.html", QUESTION)
    assert code == ANSWERED
    assert out.startswith("RAG adds latency. [1]")
    assert err.endswith("receipt: r.html\n")
    return folder / "r.html"


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("name", ["r.json", "r.html"])
def test_a_receipt_beside_the_json_and_of_an_abstention(
    shell: Shell, says: Callable[..., Believer], folder: Path, name: str
) -> None:
    for answerable, expected in ((0.95, ANSWERED), (0.05, ABSTAINED)):
        says(answerable=answerable)
        code, out, _ = shell("ask", "--json", "--top-k", "3", "--receipt", name, QUESTION)
        kept = receipt_file.read(folder / name)
        assert code == expected
        assert kept.answer.to_json() == json.loads(out)
        assert (kept.settings.top_k, kept.settings.model) == (3, "auto")
        line = f"{hashlib.sha256(RAG.encode()).hexdigest()}  rag.md\n"
        assert kept.corpus.sha256 == hashlib.sha256(line.encode()).hexdigest()


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="there is no sha256sum")
def test_the_readmes_command_makes_the_corpus_hash(
    receipt: Path, shell: Shell, says: Callable[..., Believer], folder: Path
) -> None:
    readme = (ROOT / "bot" / "README.md").read_text("utf-8")
    (command,) = [line for line in readme.splitlines() if line.endswith("| sha256sum")]
    files = {"b/rag two.md": "# Two\n\nRAG.\n", "a b.txt": "RAG adds it.", "größe.txt": "RAG."}
    write_files(folder / "corpus", files)
    assert shell("ingest")[0] == ANSWERED
    says(answerable=0.05)
    shell("ask", "--receipt", "r.html", QUESTION)
    made = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    assert made.split()[0] == receipt_file.read(receipt).corpus.sha256


@pytest.mark.usefixtures("seeded")
def test_a_place_that_cannot_be_is_found_before_the_model_is_loaded(shell: Shell) -> None:
    error = one_line(*shell("ask", "--model", "no such model", "--receipt", "a/r.html", QUESTION))
    assert "no folder a" in error


def test_a_replay_without_a_change(
    receipt: Path, shell: Shell, says: Callable[..., Believer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHYBOT_TOP_K", "1")  # the receipt's settings win
    says()
    code, out, err = shell("replay", str(receipt))
    assert code == ANSWERED
    first, second = out.splitlines()
    assert first == "nothing changed"
    assert re.fullmatch(r"seconds: \d+\.\d then, \d+\.\d now", second)
    assert QUESTION in err


def test_a_replay_names_what_changed(
    receipt: Path, shell: Shell, says: Callable[..., Believer], folder: Path
) -> None:
    write_files(folder / "corpus", {"rag.md": RAG.replace("latency", "nothing"), "b.txt": "RAG."})
    assert shell("ingest")[0] == ANSWERED
    says(answerable=0.05)
    code, out, _ = shell("replay", str(receipt))
    assert code == ANSWERED, "replayed, whatever changed"
    lines = out.splitlines()
    starts = ["corpus: ", "passage went: [1] rag.md", "passage came: ", "prompt: not the same"]
    for begin in [*starts, "abstained: no then, yes now", "answer:", "-RAG adds latency. [1]"]:
        assert any(line.startswith(begin) for line in lines), (begin, out)
    assert lines[-1].startswith("seconds: ")
    assert "nothing changed" not in out


def test_a_replay_with_another_model_says_so(
    receipt: Path, shell: Shell, says: Callable[..., Believer]
) -> None:
    says()
    _, out, _ = shell("replay", "--model", "embedded", str(receipt))
    assert out.splitlines()[:2] == ["setting model: auto then, embedded now", "prompt: the same"]


def test_a_replay_knows_the_turns_before(
    receipt: Path, shell: Shell, says: Callable[..., Believer]
) -> None:
    kept = receipt_file.read(receipt)
    follow = replace(kept.answer, question="and the store?")
    turned = replace(kept, history=[Turn(QUESTION, "Latency.")], answer=follow)
    receipt_file.write(turned, receipt)
    model = says("It needs a vector store.", "What does the store add?")
    _, out, _ = shell("replay", str(receipt))
    (query,) = model.asked("rewrite")
    assert "Latency." in query.words["earlier"]
    assert f"understood as: {QUESTION} then, What does the store add? now" in out


def test_a_replay_for_machines(receipt: Path, shell: Shell, says: Callable[..., Believer]) -> None:
    says()
    code, out, _ = shell("replay", "--json", str(receipt))
    data = json.loads(out)
    assert code == ANSWERED
    assert (data["unchanged"], data["changes"], data["same_prompt"]) == (True, [], True)
    assert data["seconds"].keys() == {"then", "now"}
    assert Receipt.from_json(data["now"]).answer.answer == "RAG adds latency. [1]"
    says(answerable=0.05)
    data = json.loads(shell("replay", "--json", str(receipt))[1])
    assert data["unchanged"] is False
    changes = {change["what"]: change for change in data["changes"]}
    assert (changes["abstained"]["then"], changes["abstained"]["now"]) == (False, True)


def test_a_replay_without_an_index_is_one_line(receipt: Path, shell: Shell) -> None:
    assert "whybot ingest" in one_line(*shell("replay", "--index", "nowhere", str(receipt)))


def test_a_page_that_is_no_receipt_is_one_line(folder: Path, shell: Shell) -> None:
    (folder / "r.html").write_text("<p>Hello")
    assert "r.html is no receipt" in one_line(*shell("replay", "r.html"))


# --- the machine


def test_models_are_listed_without_any_network(shell: Shell) -> None:
    code, out, err = shell("models")
    assert (code, err) == (ANSWERED, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == list(weights.MODELS)
    assert {row[4] for row in rows} == {"not here"}


def test_removing_a_model_that_is_not_there(shell: Shell) -> None:
    code, out, err = shell("models", "remove", "smollm2-135m")
    assert (code, out) == (ANSWERED, "")
    assert "0 MB freed" in err


def test_about_prints_what_the_bot_answers_about_itself_from(
    seeded: None, shell: Shell, says: Callable[..., Believer], monkeypatch: pytest.MonkeyPatch
) -> None:
    says()
    code, out, _ = shell("about")
    assert code == ANSWERED
    assert out.startswith("# About this bot\n") and out.endswith("\n") and out[-2] != "\n"
    assert "my top-k is 5." in out and "I know 1 document: rag.md." in out
    monkeypatch.setenv("WHYBOT_TOP_K", "3")
    assert "my top-k is 3." in shell("about")[1]
    assert "whybot ingest" in one_line(*shell("about", "--index", "nowhere"))


def test_a_question_about_the_bot_has_its_document_as_source(
    seeded: None, shell: Shell, says: Callable[..., Believer]
) -> None:
    says("My top-k is 3.")
    code, out, _ = shell("ask", "--top-k", "3", "How many passages do you read?")
    assert code == ANSWERED
    assert out.startswith("My top-k is 3. [1]\n")
    assert "[1] whybot://about-this-bot, How many passages do you read?" in out
    assert "whybot://" not in shell("list")[1]


def test_doctor_says_how_to_mend_what_fails(shell: Shell) -> None:
    code, out, _ = shell("doctor")
    assert code == FAILED
    lines = out.splitlines()
    failing = [n for n, line in enumerate(lines) if line.startswith("FAIL")]
    assert any("index" in lines[n] for n in failing)
    assert any("weights" in lines[n] for n in failing)
    assert all("mend it with: " in lines[n + 1] for n in failing)
    assert any(line.startswith("note Ollama: No Ollama server answers.") for line in lines)
