"""The web page: build it, serve it on this machine, open the bot behind it, close it all.

What keeps Gradio from the network is set here too.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.web import door
from ingest.errors import SettingError
from ingest.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import gradio as gr
    from starlette.routing import BaseRoute

    from bot.web.room import Room

FOLDER = Path(__file__).parent
STYLES = (  # in the order in which they are read
    "compare/compare.css",
    "reader/dialog.css",
    "history/history.css",
    "map/map.css",
    "style.css",
    "whatif/whatif.css",
)
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
COLOURS = {  # the default theme's are too faint to read for many
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_400",
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "button_primary_background_fill_dark": "*primary_700",
    "button_primary_background_fill_hover_dark": "*primary_600",
    "button_primary_text_color": "white",
    "button_cancel_background_fill": "#b91c1c",
    "button_cancel_background_fill_hover": "#991b1b",
    "button_cancel_background_fill_dark": "#b91c1c",
    "button_cancel_background_fill_hover_dark": "#991b1b",
    "button_cancel_text_color": "white",
    "input_placeholder_color": "*neutral_500",
}
TICK = 0.5  # seconds between two looks at how far the opening is
WATCH = 3.0  # and, once all is open, at what changed in the folder of documents
LIMIT = "50mb"  # of an uploaded file


def serve(
    settings: Settings, host: str, port: int | None, open_browser: bool, rule: door.Rule
) -> None:
    """Serve the page until Ctrl-C; it is there before the model is. Raises SettingError."""
    keep_local()
    from bot.web.reader import page as reader
    from bot.web.room import Room

    room = Room(settings)
    blocks = build(room)
    try:
        url = launch(blocks, host, port, open_browser, [reader.route(room)], rule)
        print(f"Whybot is at {url} (Ctrl-C ends it).", file=sys.stderr)
        room.open()
        threading.Event().wait()
    except KeyboardInterrupt:
        print("Closing.", file=sys.stderr)
    finally:
        room.close()
        blocks.close(verbose=False)


def keep_local() -> None:
    """Tell Gradio and LangChain to report to nobody; before either is imported."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["LANGSMITH_TRACING"] = "false"
    # Gradio asks its own page whether it is up: a proxy must not be asked.
    local = ["127.0.0.1", "localhost", *filter(None, [os.environ.get("no_proxy")])]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(local)


def launch(
    blocks: gr.Blocks,
    host: str,
    port: int | None,
    open_browser: bool,
    routes: Sequence[BaseRoute] = (),
    rule: door.Rule | None = None,
) -> str:
    """Start the server and return the page's address; without a port, the first free from 7860.

    routes: what is served beside the page. rule: who may come in, by default the host's own rule.
    """
    import gradio as gr

    rule = rule or door.rule(host)
    try:
        served, url, _ = blocks.launch(
            server_name=f"[{host}]" if ":" in host and "[" not in host else host,  # for its URL
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=LIMIT,
            app_kwargs={"routes": list(routes), "lifespan": door.around(rule)},
            auth=rule.admits if rule.password else None,
            auth_message="Any user name will do, with the password that Whybot was started with.",
            theme=gr.themes.Default(
                primary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=MONO
            ).set(**COLOURS),
            css_paths=[FOLDER / style for style in STYLES],
            js=(FOLDER / "page.js").read_text("utf-8"),
        )
    except OSError as error:
        raise SettingError(
            f"The page cannot be served at {host}: {error}", "whybot chat"
        ) from error
    if not isinstance(served.middleware_stack, door.Door):  # a Gradio that starts otherwise
        blocks.close(verbose=False)
        raise RuntimeError("The page was served without its door.")
    return str(url)


def build(room: Room) -> gr.Blocks:
    """Build the page around a room."""
    import gradio as gr

    from bot.web import parts
    from bot.web.chat import page as chat
    from bot.web.compare import page as compare
    from bot.web.library import page as library
    from bot.web.map import page as map
    from bot.web.room import State
    from bot.web.tab import Conversation
    from bot.web.whatif import page as whatif
    from bot.web.wiring import QUICK

    blocks: gr.Blocks
    with gr.Blocks(title="Whybot", fill_width=True, delete_cache=(3600, 3600)) as blocks:
        talk = gr.State(Conversation())
        gr.HTML("<h1>Whybot</h1>", elem_id="top", js_on_load=None)
        banner = gr.HTML(elem_id="banner", js_on_load=None)
        retry = gr.Button("Retry", visible=False, elem_id="retry", size="sm")
        timer = gr.Timer(TICK)
        with gr.Tab("Chat", id="chat"):
            chat.page(room, talk)
        with gr.Tab("Library", id="library", elem_id="shelf") as shelf:
            table, choice = library.page(room)
        with gr.Tab("What if", id="whatif", elem_id="whatif") as trying:
            whatif.page(room, talk, trying)
        with gr.Tab("Compare", id="compare"):
            compare.page(room)
        with gr.Tab("Map", id="map-tab") as tab:
            map.page(room, talk, tab)

        def look(talk: Conversation) -> list[Any]:
            opening = room.state is State.OPENING
            return [
                parts.opening(room.doing if opening else room.fresh_news, room.error),
                gr.Button(visible=room.state is State.FAILED),
                gr.Timer(TICK if opening else WATCH),
                *library.refreshed(room, talk),
            ]

        def again(talk: Conversation) -> list[Any]:
            room.open()
            return look(talk)

        shown = [banner, retry, timer, table, choice]
        blocks.load(look, [talk], shown, **QUICK)
        timer.tick(look, [talk], shown, **QUICK)
        retry.click(again, [talk], shown, **QUICK)
        shelf.select(lambda: library.listed(room), None, [table, choice], **QUICK)
    return blocks
