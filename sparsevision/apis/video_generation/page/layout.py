"""The page itself, by gradio: what is where, and which button does what."""

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from sparsevision.apis.video_generation.page.sketch import TOOLS, Sketch
from sparsevision.apis.video_generation.page.workbench import MODEL_S_OWN, Settings, Workbench
from sparsevision.apis.video_generation.steering import REGIONS
from sparsevision.methods.motion_i2v import SPEEDS
from sparsevision.utils import UserError, require

TITLE = "Motion-I2V: image to video by a few drags"
HELP = (
    "Give an image. **drag**: click where it starts, then where it leads, with more clicks on a winding way; one click "
    "alone is a point that stays. **brush**: click along what may move; all else is frozen. *New drag or stroke* "
    "begins the next one."
)


def build_page(workbench: Workbench) -> Any:
    """The page as gradio's Blocks; `launch` shows it.

    Every session has a sketch and files of its own; the model serves one after the other.

    Raises:
        ImportError: gradio is not installed.
    """
    gr = require("gradio", extra="demo", why="The page of Motion-I2V")
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(f"# {TITLE}\n{HELP}")
        sketch = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1):
                photo = gr.Image(label="image", type="numpy", sources=["upload", "clipboard"], elem_id="photo")
                settings = _settings(gr)
            with gr.Column(scale=2):
                canvas = gr.Image(label="draw here", interactive=False, format="png", elem_id="canvas", buttons=[])
                words = gr.Markdown("", elem_id="words")
                tools = _tools(gr)
                _draw(gr, photo, canvas, words, sketch, tools)
                _make(gr, workbench, sketch, settings)

        def forget(request: gr.Request) -> None:
            workbench.forget(request.session_hash)

        page.unload(forget)
    return page


def launch_page(
    workbench: Workbench, *, host: str = "127.0.0.1", port: int | None = None, wait: bool = True
) -> tuple[Any, str]:
    """Serve the page; returns gradio's Blocks and the address.

    Args:
        workbench: makes what is asked for.
        host: who may look: this machine alone by default.
        port: None takes a free one from 7860 on.
        wait: come back when the server is stopped by Ctrl-C; otherwise at once, and `close()` of the Blocks stops it.

    Raises:
        UserError: the port is taken.
        ImportError: gradio is not installed.
    """
    page = build_page(workbench)
    try:
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            allowed_paths=[str(workbench.folder)],
            prevent_thread_lock=True,
            quiet=not wait,
            ssr_mode=False,
            footer_links=[],
        )
    except OSError as error:
        raise UserError(f"--port {port}: cannot be used ({error}).") from error
    if wait:
        page.block_thread()
    return page, url


def _settings(gr: ModuleType) -> list[Any]:
    """Fields in the order of `Settings`."""
    with gr.Accordion("settings", open=False):
        return [
            gr.Dropdown(list(SPEEDS), value="steady", label="speed along the way", elem_id="speed"),
            gr.Dropdown([MODEL_S_OWN, *REGIONS], value=MODEL_S_OWN, label="what moves with a drag", elem_id="region"),
            gr.Number(0, label="half the box, or width (0: the model's)", minimum=0, elem_id="unit"),
            gr.Number(0, label="freeze points that stay, radius (0: do not)", minimum=0, elem_id="hold"),
            gr.Textbox("", label="prompt", elem_id="prompt"),
            gr.Textbox("", label="negative prompt", elem_id="negative-prompt"),
            gr.Number(0, label="seed", precision=0, minimum=0, elem_id="seed"),
            gr.Number(0, label="steps (0: the model's)", precision=0, minimum=0, elem_id="steps"),
        ]


def _tools(gr: ModuleType) -> dict[str, Any]:
    with gr.Row():
        tool = gr.Radio(list(TOOLS), value="drag", label="tool", elem_id="tool")
        radius = gr.Slider(1, 64, value=6, step=1, label="radius of the brush in pixels", elem_id="radius")
    with gr.Row():
        buttons = {name: gr.Button(label, elem_id=name) for name, label in
                   (("apart", "New drag or stroke"), ("undo", "Undo click"), ("clear", "Clear"))}  # fmt: skip
    return {"tool": tool, "radius": radius} | buttons


def _draw(gr: ModuleType, photo: Any, canvas: Any, words: Any, sketch: Any, tools: dict[str, Any]) -> None:
    """Connect what changes the sketch; the canvas and the words follow it."""

    def given(image: np.ndarray | None) -> tuple:
        return shown(None if image is None else Sketch(image))

    def click(own: Sketch | None, tool: str, radius: float, event: gr.SelectData) -> tuple:
        return shown(None if own is None else own.clicked(*event.index, tool=tool, radius=radius))

    def shown(own: Sketch | None) -> tuple:
        return (None, None, "") if own is None else (own, own.picture(), own.words())

    def changed(change: Callable[[Sketch], Sketch]) -> Callable[[Sketch | None], tuple]:
        return lambda own: shown(None if own is None else change(own))

    outputs = [sketch, canvas, words]
    quick = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple"}
    quick |= {"concurrency_limit": 1, "concurrency_id": "sketch"}  # quick clicks come one after the other, none is lost
    photo.change(given, photo, outputs, **quick)
    canvas.select(click, [sketch, tools["tool"], tools["radius"]], outputs, **quick)
    for name, change in (("apart", Sketch.set_apart), ("undo", Sketch.undone), ("clear", Sketch.cleared)):
        tools[name].click(changed(change), sketch, outputs, **quick)


def _make(gr: ModuleType, workbench: Workbench, sketch: Any, settings: Sequence[Any]) -> None:
    """Preview and video, and what is downloaded."""
    with gr.Row():
        look, make = gr.Button("Preview", elem_id="preview"), gr.Button("Sample", variant="primary", elem_id="sample")
    with gr.Row():
        moved = gr.Video(label="preview", elem_id="preview-video", autoplay=True, loop=True, interactive=False)
        video = gr.Video(label="video", elem_id="video", autoplay=True, loop=True, interactive=False)
    with gr.Row():
        files = [gr.DownloadButton(f"Download {kind}", interactive=False, elem_id=kind) for kind in ("mp4", "gif")]

    bar = gr.Progress()  # gradio looks for it among the defaults

    def preview(request: gr.Request, own: Sketch | None, *fields: Any) -> str:
        return str(workbench.preview(own, _read(fields), request.session_hash))

    def sample(request: gr.Request, own: Sketch | None, progress: Any = bar, *fields: Any) -> tuple:
        told = functools.partial(_tell, progress)
        found = workbench.sample(own, _read(fields), request.session_hash, on_step=told)
        shown = str(found.get("video.mp4", found["preview.mp4"]))
        gif = found.get("video.gif")
        return (
            shown,
            gr.DownloadButton(value=shown, interactive=True),
            gr.DownloadButton(value=None if gif is None else str(gif), interactive=gif is not None),
        )

    options = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
    look.click(_explained(gr, preview), [sketch, *settings], moved, **options)
    make.click(_explained(gr, sample), [sketch, *settings], [video, *files], **options)


def _read(fields: Sequence[Any]) -> Settings:
    return Settings(**dict(zip(Settings.__dataclass_fields__, fields, strict=True)))


def _tell(progress: Any, stage: str, done: int, total: int) -> None:
    progress((done, total), desc=stage)


def _explained(gr: ModuleType, action: Callable) -> Callable:
    """The action; what is wrong with a request is shown on the page."""

    @functools.wraps(action)
    def run(*given: Any, **named: Any) -> Any:
        try:
            return action(*given, **named)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return run
