"""Scenes of ours as a data parser of nerfstudio, for any of its methods."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.data.dataparsers.base_dataparser import DataParser, DataParserConfig, DataparserOutputs
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.plugins.registry_dataparser import DataParserSpecification

from sparsevision.datasets.views.files import find_by_name
from sparsevision.datasets.views.layouts import load_scene
from sparsevision.datasets.views.scene import ViewScene
from sparsevision.methods.spin_nerf.studio.cameras import studio_cameras


@dataclass
class SpinNerfDataParserConfig(DataParserConfig):
    """Which scene, and how large."""

    _target: type = field(default_factory=lambda: SpinNerfDataParser)
    """target class to instantiate"""
    factor: float = 0.0
    """the images are that much smaller than the photographs; 0 takes the largest ones with a label folder"""
    layout: str = "auto"
    """of the folder: how sparsevision finds cameras and images"""
    preset: Literal["published", "fixed"] = "fixed"
    """how cameras are read: as the release does, or as COLMAP measured them"""
    images: str = ""
    """folder of other images beside the scene's own (lama_images); empty for its own"""
    labels: str = "label"
    """folder of masks beside the images"""
    disparities: str = "depth"
    """folder of inpainted disparities beside the images"""
    pixel_centre: float = 0.0
    """where in a pixel its ray goes through: 0 as published, or 0.5"""
    undistort: bool = False
    """follow the lens"""


@dataclass
class SpinNerfDataParser(DataParser):
    """Cameras and files of a scene that `load_scene` knows: SPIn-NeRF's benchmark, LLFF, transforms.json.

    The frame is that of our own fields: lengths so that the nearest depth is 4/3, the mean camera in the origin.
    `metadata` holds near, far, names, split, labels and disparities (paths, or None where a view has none).
    """

    config: SpinNerfDataParserConfig

    def __init__(self, config: SpinNerfDataParserConfig) -> None:
        super().__init__(config)
        factor = config.factor or largest_factor(Path(config.data), config.labels)
        self.scene = load_scene(Path(config.data), factor=factor, layout=config.layout, preset=config.preset)

    def _generate_dataparser_outputs(self, split: str = "train", **kwargs: Any) -> DataparserOutputs:
        scene, config = self.scene, self.config
        views = views_of_split(scene, split)
        reach = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]) * scene.far
        world = torch.from_numpy(scene.world_to_scene).float()
        return DataparserOutputs(
            image_filenames=[image_file(scene, view, config.images if split == "train" else "") for view in views],
            cameras=studio_cameras(scene, views, pixel_centre=config.pixel_centre, undistort=config.undistort),
            scene_box=SceneBox(aabb=reach),
            dataparser_transform=world / scene.scale,
            dataparser_scale=scene.scale,
            metadata={
                "near": scene.near,
                "far": scene.far,
                "split": split,
                "names": [scene.image_names[view] for view in views],
                "labels": [find_by_name(scene.image_folder / config.labels, scene.image_names[view]) for view in views],
                "disparities": [_disparity(scene, view, config.disparities) for view in views],
            },
        )


def views_of_split(scene: ViewScene, split: str) -> tuple[int, ...]:
    """Indices of the views with the object for "train", else of those without; the same where there are none."""
    return scene.train if split == "train" else scene.test or scene.train


def image_file(scene: ViewScene, view: int, folder: str) -> Path:
    """The image of a view, or that of the same name in a folder beside it if it is there."""
    found = find_by_name(scene.image_folder / folder, scene.image_names[view]) if folder else None
    return found or scene.image_files[view]


def largest_factor(root: Path, labels: str) -> float:
    """The smallest factor whose images have a folder of labels, else the smallest that there is; 1 without any."""
    factors = {}
    for folder in root.glob("images_*"):
        number = folder.name.removeprefix("images_")
        if folder.is_dir() and number.replace(".", "", 1).isdigit():
            factors[float(number)] = (folder / labels).is_dir()
    if (root / "images" / labels).is_dir():
        return 1.0
    labelled = [factor for factor, has in factors.items() if has]
    return min(labelled or factors, default=1.0)


def _disparity(scene: ViewScene, view: int, folder: str) -> Path | None:
    place = scene.image_folder / folder
    numbered = place / f"img{view:03d}.png"
    return find_by_name(place, scene.image_names[view], (".npy", ".png")) or (numbered if numbered.is_file() else None)


spin_nerf_data = DataParserSpecification(
    config=SpinNerfDataParserConfig(),
    description="Scenes of SPIn-NeRF's benchmark, LLFF or transforms.json, with masks, as sparsevision reads them.",
)
