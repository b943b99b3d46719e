"""Annotate images by hand in a browser: points, clicks, scribbles, boxes and tracks, with a segmenter's help.

Every change is saved at once. The page is served to this machine alone; see docs/annotate.md.
"""

import argparse
import os
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from sparsevision.annotator import AnnotatorServer, Assistant, Gallery, Project, choose_backend
from sparsevision.engine import run_tool
from sparsevision.utils import UserError
from sparsevision.utils.command_line import tool_parser

EXAMPLE = """examples:
  python tools/annotation/annotate.py photos --classes background,moth
  python tools/annotation/annotate.py photos/moth.jpg --out moth_labels --sam grabcut --no-browser
"""


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = tool_parser(__doc__, EXAMPLE)
    parser.add_argument("images", type=Path, help="an image, or a folder of images (in name order: a video's frames)")
    parser.add_argument("--out", type=Path, help="folder of the annotations (default: annotations/ beside the images)")
    parser.add_argument("--classes", help="class names with commas, background first (default: those of the folder)")
    parser.add_argument(
        "--sam",
        choices=["mobile_sam", "grabcut", "none"],
        help="what proposes masks (default: mobile_sam if its weights are here, else grabcut)",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default 0: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    args = parser.parse_args(arguments)
    if not 0 <= args.port <= 65535:
        parser.error("--port must lie between 0 and 65535")
    return args


def make_server(args: argparse.Namespace) -> AnnotatorServer:
    """The server that the command line asks for, listening but not yet answering."""
    gallery = Gallery(args.images)
    check_readable(gallery)
    out = args.out or gallery.folder / "annotations"
    check_writable(out)
    classes = None if args.classes is None else args.classes.split(",")
    project = Project(gallery=gallery, out=out, classes=classes)
    backend = choose_backend(args.sam)
    assistant = None if backend is None else Assistant(backend=backend, pixels=gallery.pixels)
    return AnnotatorServer(project=project, assistant=assistant, port=args.port)


def check_readable(gallery: Gallery) -> None:
    """Raise UserError when not one of the images can be read; a page with a few bad ones names them itself."""
    if all(picture.error for picture in gallery.pictures):
        raise UserError(gallery.pictures[0].error)


def check_writable(out: Path) -> None:
    """Raise UserError when this user may not write into a folder, or make it: better now than at the first stroke."""
    path = Path(os.path.abspath(out))
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"'{there}' cannot be written by this user, so nothing could be saved; choose another --out.")


def greeting(server: AnnotatorServer) -> str:
    """What the terminal says."""
    gallery, count = server.project.gallery, len(server.project.gallery)
    backend = None if server.assistant is None else server.assistant.backend
    masks = "No masks are proposed." if backend is None else f"Masks are proposed by {backend.name}. {backend.note}"
    lines = [
        f"Annotating {count} image{'s' * (count > 1)} of {gallery.folder}.",
        f"Open  {server.url}",
        f"Files go to {server.project.out}, saved after every change.",
        f"Classes: {', '.join(f'{index} {name}' for index, name in enumerate(server.project.classes))}.",
        masks.strip(),
        "Ctrl-C stops.",
    ]
    if gallery.left_out:
        lines.insert(1, f"Left out, for they are links that lead out of the folder: {', '.join(gallery.left_out[:5])}.")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    args = parse_args(arguments)
    with make_server(args) as server:
        try:
            print(greeting(server), flush=True)
            if not args.no_browser:
                webbrowser.open(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nStopped. Everything that the page showed as saved is in the files.")


if __name__ == "__main__":
    run_tool(main)
