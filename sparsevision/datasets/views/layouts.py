"""One way into all layouts of scenes."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sparsevision.datasets.views.colmap import find_model
from sparsevision.datasets.views.files import list_images
from sparsevision.datasets.views.images import folder_of_factor
from sparsevision.datasets.views.labels import find_labelled
from sparsevision.datasets.views.llff import Preset, load_llff
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.datasets.views.transforms_json import FILE as TRANSFORMS
from sparsevision.datasets.views.transforms_json import load_transforms
from sparsevision.utils import UserError

Layout = Literal["auto", "spin_nerf", "mvseg", "llff", "nvos", "nerfstudio"]
LAYOUTS = ("spin_nerf", "mvseg", "llff", "nvos", "nerfstudio")
BENCHMARK_VIEWS, BENCHMARK_TEST_VIEWS = 100, 40


def load_scene(
    folder: str | Path,
    *,
    factor: float,
    layout: Layout = "auto",
    preset: Preset = "published",
    num_test: int | None = None,
) -> ViewScene:
    """Load a scene of any layout.

    Args:
        folder: the scene.
        factor: how many times smaller the images are than the original ones.
        layout: "spin_nerf", the removal benchmark: the first views are without the object (see `count_first_views`);
            "mvseg", "nvos", "llff": LLFF's files, all views with the object; "nerfstudio": `transforms.json`.
            "auto" looks: a list of views is nerfstudio's; poses with `test_label` beside the images are the
            benchmark's; other poses are LLFF's.
        preset: see `load_llff`; lists of views have one lens for both.
        num_test: first views without the object, if it is known better.

    Raises:
        UserError: there is no scene of this layout, or it cannot be loaded.
    """
    root = Path(folder)
    layout = guess_layout(root, factor) if layout == "auto" else layout
    if layout not in LAYOUTS:
        raise UserError(f"layout: expected 'auto', {', '.join(map(repr, LAYOUTS))}, got {layout!r}.")
    if layout == "nerfstudio":
        return load_transforms(root, factor=factor, num_test=num_test)
    if num_test is None:
        num_test = count_first_views(root, factor) if layout == "spin_nerf" else 0
    return load_llff(root, factor=factor, preset=preset, num_test=num_test)


def guess_layout(root: Path, factor: float) -> str:
    """The layout of a folder.

    Raises:
        UserError: it is none that is known.
    """
    if not root.exists():
        raise UserError(f"{root}: there is no such folder of a scene.")
    if root.is_file() or (root / TRANSFORMS).is_file():
        return "nerfstudio"
    if not (root / "poses_bounds.npy").is_file() and find_model(root) is None:
        raise UserError(
            f"{root}: is no scene; expected poses_bounds.npy or a COLMAP model in sparse/0 (LLFF, SPIn-NeRF, MVSeg, "
            f"NVOS), or {TRANSFORMS} (nerfstudio)."
        )
    images = root / ("images" if factor == 1 else f"images_{factor:g}")
    signs: dict[str, Callable[[], bool]] = {
        "spin_nerf": lambda: (images / "test_label").is_dir(),
        "nvos": lambda: (root / "scribbles").is_dir(),
        "mvseg": lambda: (images / "label_full").is_dir(),
    }
    return next((layout for layout, there in signs.items() if there()), "llff")


def count_first_views(root: Path, factor: float) -> int:
    """How many first views of a scene of the removal benchmark are without the object.

    So many as `test_label` has files; without it, the views before the first label, if all later ones have one; else
    40 of 100, as in the published scenes.

    Raises:
        UserError: none of these tells it.
    """
    files = list_images(folder_of_factor(root, factor))
    folder = files[0].parent
    if (folder / "test_label").is_dir():
        return len(list_images(folder / "test_label"))
    labelled = find_labelled(folder / "label", [path.stem for path in files])
    if any(labelled) and all(labelled[labelled.index(True) :]):
        return labelled.index(True)
    if len(files) == BENCHMARK_VIEWS:
        return BENCHMARK_TEST_VIEWS
    raise UserError(
        f"{folder}: nothing tells how many of the {len(files)} views are without the object; expected test_label, or a "
        "label for each view with it. Or give num_test, or layout 'llff' if all views show the object."
    )
