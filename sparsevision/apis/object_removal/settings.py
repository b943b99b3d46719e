"""What the chain from clicks to a scene without the object is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sparsevision.engine.overrides import options_of, read_config
from sparsevision.utils import UserError, check_out_folder, did_you_mean
from sparsevision.utils.files import read_text

PROPAGATIONS = ("geometry", "features")
INPAINTERS = ("patchmatch", "opencv", "lama")
SEGMENTERS = ("mobile_sam", "grabcut")
MOST_ROUNDS = 5
FIELDS = ("masks", "scene", "final")
PREFIXES = tuple(f"{field}:" for field in FIELDS)


@dataclass(frozen=True, kw_only=True)
class RemovalSettings:
    """Of one run of the chain.

    Attributes:
        scene: its folder, in any layout that `load_scene` knows.
        clicks: JSON of clicks in one view (see `read_clicks`).
        out: folder of the results.
        factor: images are that much smaller than the photographs.
        layout: of the scene's folder.
        segmenter: "mobile_sam" or "grabcut", for the clicks and, by geometry, for the other views.
        segmenter_side: pixels of the square that MobileSAM sees; fewer are faster and less exact.
        propagation: "geometry" (key points as prompts) or "features" of the segmenter's image encoder.
        masks_config: config of the field of masks.
        scene_config: config of the field of all but the object.
        final_config: config of the field that learns the inpainted views.
        rounds: fields of masks one after the other, each learning the masks of the one before (published: 2).
        refine: holes keep only what no other view shows (published: a script apart).
        inpainter: "patchmatch", "opencv", "lama", or a folder with an image for each view, by name.
        disparity_inpainter: the same for disparities; "opencv" fills them harmonically.
        lama_weights: checkpoint for "lama".
        options: more settings of the three configs, "key=value" as of --cfg-options; "masks:", "scene:" or "final:" in
            front of one keeps it to that config.
        seed: of all random numbers.
        device: of segmenting, rendering and inpainting; None takes a GPU if there is one, as training does.

    Raises:
        UserError: a setting that is none of these.
    """

    scene: Path
    clicks: Path
    out: Path
    factor: int
    layout: str = "auto"
    segmenter: str = "mobile_sam"
    segmenter_side: int = 1024
    propagation: str = "geometry"
    masks_config: str
    scene_config: str
    final_config: str
    rounds: int = 1
    refine: bool = True
    inpainter: str = "patchmatch"
    disparity_inpainter: str = "opencv"
    lama_weights: str | None = None
    options: tuple[str, ...] = ()
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("propagation", PROPAGATIONS), ("segmenter", SEGMENTERS)):
            value = getattr(self, name)
            if value not in known:
                raise UserError(f"{name}='{value}'.{did_you_mean(value, known)} Known: {', '.join(known)}.")
        for name in ("inpainter", "disparity_inpainter"):
            value = getattr(self, name)
            if value not in INPAINTERS and not Path(value).is_dir():
                raise UserError(
                    f"{name}='{value}' is none of {', '.join(INPAINTERS)}, and no folder of inpainted views."
                )
        if self.propagation == "features" and self.segmenter == "grabcut":
            raise UserError("GrabCut has no features: give propagation='geometry' or another segmenter.")
        for word in self.options:
            if "=" not in word:
                raise UserError(f"options: '{word}' has no '='; expected KEY=VALUE, or e.g. final:KEY=VALUE.")
        if not 256 <= self.segmenter_side <= 1024 or self.segmenter_side % 64:
            raise UserError(f"segmenter_side={self.segmenter_side}; expected a multiple of 64 from 256 to 1024.")
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise UserError(f"rounds={self.rounds}; expected 1 to {MOST_ROUNDS}.")
        if self.factor < 1:
            raise UserError(f"factor={self.factor}; expected 1 or more.")
        for name, path in (("scene", self.scene), ("clicks", self.clicks)):
            if not path.exists():
                raise UserError(f"{path}: there is no such {'folder' if name == 'scene' else 'file'} ({name}).")
        check_out_folder(self.out, "out")

    def words_for(self, field: str) -> list[str]:
        """The options that are meant for one of the three configs."""
        named = [word.partition(":") if word.startswith(PREFIXES) else ("", "", word) for word in self.options]
        return [word for owner, _, word in named if owner in ("", field)]

    def config_of(self, field: str) -> Config:
        """The config of a field ("masks", "scene" or "final") with its options.

        Raises:
            UserError: no such config, or an option that it does not know.
        """
        return read_config(getattr(self, f"{field}_config"), options_of(self.words_for(field)))

    def only(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Plain values of some of them; what configs and clicks hold, and which files views and weights are.

        Raises:
            UserError: the file of clicks is no text.
        """
        return {name: self._plain(name) for name in names}

    def _plain(self, name: str) -> Any:
        value = getattr(self, name)
        if name.endswith("_config"):
            return read_config(value).dump()
        if isinstance(value, Path):
            return read_text(value) if value.is_file() else str(value)
        if name == "lama_weights" and value is not None:
            return [value, files_of(Path(value))]
        if name in ("inpainter", "disparity_inpainter") and value not in INPAINTERS:
            return [value, files_of(Path(value))]
        return list(value) if isinstance(value, tuple) else value


def files_of(path: Path) -> list[tuple[str, int, int]]:
    """Name below `path`, bytes and time in nanoseconds of a file, or of each one in a folder; [] for neither."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = [(file.relative_to(path).as_posix(), file.stat()) for file in files if file.is_file()]
    return [(name, of.st_size, of.st_mtime_ns) for name, of in found]
