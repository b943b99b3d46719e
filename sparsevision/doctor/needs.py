"""What each method needs beyond the core: packages of extras and weights, by what they are for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

METHODS_FOLDER = Path(__file__).resolve().parents[1] / "methods"
MOBILE_SAM = ("timm", "segment_anything")


@dataclass(frozen=True)
class Use:
    """One thing that people do with a method.

    Attributes:
        what: in a few words.
        modules: extra -> the modules of it that are imported for this.
        weights: names that `get_weights` knows.
    """

    what: str
    modules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weights: tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodNeeds:
    """A method by the name of its folder; its first use is what it is for."""

    folder: str
    name: str
    uses: tuple[Use, ...]


MADE_OF_PHOTOS = Use("its synthetic data", {"demo": ("skimage", "sklearn")})
KNOWN = (
    MethodNeeds(
        "gensam",
        "GenSAM",
        (
            Use(
                "segmenting photos",
                {"sam": (*MOBILE_SAM, "transformers", "tokenizers", "safetensors")},
                ("mobile_sam", "efficientnet_lite0", "all_minilm_l6_v2"),
            ),
            Use("CLIP and SAM as published", {"sam": ("open_clip", "segment_anything")}, ("clip_vit_b16", "sam_vit_h")),
        ),
    ),
    MethodNeeds(
        "ev_wsss",
        "EV-WSSS",
        (Use("training and testing", {"event": ("numba", "h5py", "hdf5plugin")}), MADE_OF_PHOTOS),
    ),
    MethodNeeds(
        "cpcm",
        "CPCM",
        (Use("training and testing"), Use("ScanNet, .ply and .las files", {"points": ("plyfile", "laspy")})),
    ),
    MethodNeeds(
        "spin_nerf",
        "SPIn-NeRF",
        (
            Use("training and testing"),
            Use("masks from clicks", {"sam": MOBILE_SAM}, ("mobile_sam",)),
            Use("LPIPS", {}, ("lpips_vgg16",)),
            Use("PatchMatch and FID", {"nerf": ("patchmatch", "torch_fidelity")}),
        ),
    ),
    MethodNeeds(
        "focus_detr",
        "Focus-DETR",
        (
            Use("training and testing", {"detr": ("pycocotools", "faster_coco_eval")}),
            Use("the tiny configs", {"sam": ("timm",), "demo": ("skimage",)}, ("efficientnet_lite0",)),
        ),
    ),
    MethodNeeds(
        "motion_i2v",
        "Motion-I2V",
        (
            Use("the tiny configs"),
            Use("text, and reading videos", {"video": ("transformers", "safetensors", "av")}),
            Use("flow of real clips", {}, ("gmflow",)),
        ),
    ),
    MethodNeeds("sparse_seg", "sparse segmentation", (Use("training and testing"), MADE_OF_PHOTOS)),
)


def method_needs() -> Iterator[MethodNeeds]:
    """All methods; one whose folder is not in the list above needs the core alone, as far as is known here."""
    yield from KNOWN
    known = {method.folder for method in KNOWN}
    for folder in sorted(METHODS_FOLDER.iterdir()):
        if (folder / "__init__.py").is_file() and folder.name not in known:
            yield MethodNeeds(folder.name, folder.name, (Use("training and testing"),))
