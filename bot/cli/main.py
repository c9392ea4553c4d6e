"""The command line: `whybot`. Parses, prints, and turns WhybotErrors into one line.

Nothing heavy is imported at the top: help and usage errors must answer at once. stdout carries
answers and listings; progress, notes and errors go to stderr.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bot.cli.shell import FAILED, INTERRUPTED
from ingest.errors import WhybotError
from ingest.settings import Settings

ENVIRONMENT = """\
settings (environment variables; an option wins over its variable):
  WHYBOT_MODEL       the chat model: auto, embedded, embedded:small, ollama:NAME, gguf:PATH,
                     or provider:model as LangChain's init_chat_model knows it (auto)
  WHYBOT_CORPUS      the folder of documents (corpus)
  WHYBOT_INDEX       the folder of the index (.whybot)
  WHYBOT_CHROMA      http://host:port of a Chroma server, instead of the folder
  WHYBOT_HISTORY     the folder of the page's conversations; off: none is kept (conversations,
                     in the folder of the index)
  WHYBOT_CACHE       where model weights are kept (the user's cache folder)
  WHYBOT_EMBEDDER    all-MiniLM-L6-v2, or the folder of a sentence-transformers model
  WHYBOT_TOP_K       passages shown to the model, at most (5)
  WHYBOT_WINDOW      tokens the model sees at once, prompt and answer together (4096)
  WHYBOT_MAX_TOKENS  tokens of an answer, at most (400)
  WHYBOT_GROUNDING   strict: sentences that no passage states are withheld; show: they are
                     only marked (strict)
  WHYBOT_THREADS     threads of the embedded engine (0: one a physical core)
  WHYBOT_PASSWORD    what the chat page asks for, with any user name (none; beyond this machine one
                     is made and printed)
  OLLAMA_HOST        where Ollama answers (127.0.0.1:11434)

exit codes: 0 done or answered, 1 something you can mend, 2 usage, 3 the documents do not say,
130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` cleans up as Ctrl-C does
    os.environ["LANGSMITH_TRACING"] = "false"  # nothing leaves the machine
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        settings = Settings.read(
            model=args.model, index=args.index, top_k=getattr(args, "top_k", None)
        )
        from bot.cli import commands

        code: int = getattr(commands, args.command)(settings, args)
        return code
    except WhybotError as error:
        print(f"whybot: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("whybot: interrupted; nothing is damaged, run it again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `whybot list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def build_parser() -> argparse.ArgumentParser:
    """Describe every command and option."""
    parser = argparse.ArgumentParser(
        prog="whybot",
        description="A chatbot that answers from your documents, on your machine, and shows why.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"whybot {version('whybot')}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--index", type=Path, metavar="FOLDER", help="the folder of the index")
    shared.add_argument("--model", help="the chat model (see `whybot --help`)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared])

    chat = command("chat", "chat in the browser")
    chat.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to serve on (127.0.0.1); beyond this machine the page asks for a password",
    )
    chat.add_argument(
        "--allow-host",
        type=_host,
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the page answers to as well, and from whose pages it takes requests; may "
        "be repeated. Without it the names are localhost, 127.0.0.1, [::1] and that of --host; on "
        "all addresses (0.0.0.0) any address too, but no name, which any site can point here",
    )
    chat.add_argument(
        "--password",
        type=_password,
        default=os.environ.get("WHYBOT_PASSWORD") or None,
        metavar="WORD",
        help="what the page asks for, with any user name, on this machine too; others here can see "
        "it in the list of processes, and not that of WHYBOT_PASSWORD",
    )
    chat.add_argument("--port", type=_port, help="port to serve on (7860, or the next free one)")
    chat.add_argument("--no-browser", action="store_true", help="do not open a browser")

    ask = command("ask", "answer one question, or a file of questions")
    what = ask.add_mutually_exclusive_group(required=True)
    what.add_argument("question", nargs="?", help="the question; - reads it from stdin")
    what.add_argument(
        "--jsonl",
        metavar="FILE",
        help='answer a file of {"id", "question", "history"} lines, one JSON line each; - is stdin',
    )
    form = ask.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object with the trace")
    form.add_argument(
        "--explain", action="store_true", help="print after the sources how the answer came about"
    )
    ask.add_argument("--top-k", type=int, help="passages shown to the model, at most")
    ask.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="DOC",
        help="ask this document, or the documents of this folder, alone; may be given again",
    )
    ask.add_argument(
        "--receipt",
        type=_receipt,
        metavar="FILE",
        help="write the whole turn to one file, .html to read or .json, that `replay` runs again",
    )

    compare = command(
        "compare", "answer one question without passages, with those found, and with wrong ones"
    )
    compare.add_argument("question", help="the question; - reads it from stdin")
    compare.add_argument("--top-k", type=int, help="passages shown to the model, at most")

    replay = command("replay", "answer the question of a receipt again, and print what changed")
    replay.add_argument(
        "receipt", type=Path, metavar="FILE", help="what `whybot ask --receipt FILE` wrote"
    )
    replay.add_argument("--json", action="store_true", help="print one JSON object")

    ingest = command("ingest", "bring the index in line with the documents")
    ingest.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (the corpus folder)"
    )
    ingest.add_argument("--rebuild", action="store_true", help="make the index anew")

    add = command("add", "copy documents into the corpus folder and ingest them")
    add.add_argument("sources", nargs="+", metavar="FILE", help="files or folders; - reads stdin")
    add.add_argument("--name", help="the name in the corpus (needed for -)")
    add.add_argument("--replace", action="store_true", help="replace documents of the same name")

    remove = command("remove", "remove documents from index and corpus folder")
    remove.add_argument("documents", nargs="+", metavar="DOC", help="names as `list` prints them")

    command("list", "list the documents in the index")

    show = command("show", "print a document as the bot sees it: outline, tables, chunks")
    show.add_argument("document", metavar="DOC", help="its name as `list` prints it")

    models = command("models", "list, fetch or remove the pinned model weights")
    models.add_argument("action", nargs="?", choices=["list", "fetch", "remove"], default="list")
    models.add_argument("names", nargs="*", metavar="NAME", help="names as the list prints them")

    measure = command("eval", "measure answers or retrieval on questions with known answers")
    what = measure.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "questions",
        nargs="?",
        type=Path,
        metavar="QUESTIONS.jsonl",
        help='{"id", "question", "answers", "answerable", "contexts", "history", "kind"} lines; '
        "without contexts the index answers",
    )
    what.add_argument(
        "--retrieval",
        type=Path,
        metavar="DIR",
        help="rank instead: corpus.jsonl, queries.jsonl and qrels.tsv in the BEIR layout",
    )
    what.add_argument(
        "--rescore", type=Path, metavar="FILE", help="measure stored answers again, without a model"
    )
    measure.add_argument(
        "--baseline", action="store_true", help="run the plain tutorial pipeline beside it"
    )
    measure.add_argument(
        "--out", type=Path, metavar="FILE", help="where answers are stored (the cache folder)"
    )
    measure.add_argument("--fresh", action="store_true", help="drop what is stored and start over")
    measure.add_argument("--limit", type=_count, metavar="N", help="only the first N questions")
    measure.add_argument("--json", action="store_true", help="print one JSON object")
    measure.add_argument("--top-k", type=int, help="passages shown to the model, at most")

    command("about", "print the document that the bot answers questions about itself from")
    command("doctor", "check everything a question needs, and say how to mend what fails")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("it is 1 at least")
    return count


def _host(text: str) -> str:
    from bot.web.door import named

    if not (name := named(text)):
        raise argparse.ArgumentTypeError("a host is a name or an address, without http:// and port")
    return name


def _password(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("a password is not empty")
    return text


def _receipt(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in (".html", ".json"):
        raise argparse.ArgumentTypeError("a receipt ends in .html or .json")
    return path


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError("a port lies between 1 and 65535")
    return port


if __name__ == "__main__":
    sys.exit(main())
