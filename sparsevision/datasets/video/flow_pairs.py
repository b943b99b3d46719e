"""Pairs of frames with their flow: Middlebury, Sintel, KITTI, FlyingThings and one's own, by a list or by folders."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform

from sparsevision.datasets.image_io import image_files, read_image
from sparsevision.datasets.seeded import SeededDataset
from sparsevision.datasets.video.flow_files import FLOW_FILE_SUFFIXES, read_flow_file
from sparsevision.registry import DATASETS, TRANSFORMS
from sparsevision.utils import UserError


@DATASETS.register_module()
class FlowPairs(SeededDataset):
    """Two frames and the flow from the first to the second, {"first_path", "second_path", "flow_path", "sample_id"}.

    Frames are paired by name: in each folder, frames in the order of their names; `flow/<...>/<stem>.<flo|png|pfm>`
    belongs to the frame `frames/<...>/<stem>` and the one after it (Sintel; KITTI's 000000_10 and 000000_11). Frames
    without flow are not used.

    Args:
        frames: folder of images, with or without folders in it.
        flow: folder of flow files, with the same folders in it.
        kwargs: passed on to SeededDataset.

    Raises:
        UserError: nothing is found, or a flow file lacks one of its frames.
    """

    def __init__(self, *, frames: str | Path, flow: str | Path, **kwargs) -> None:
        self.frames, self.flow = Path(frames), Path(flow)
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """One dict for each flow file, in the order of their names."""
        found = image_files(self.flow, recursive=True, suffixes=FLOW_FILE_SUFFIXES)
        if not found:
            raise UserError(f"{self.flow}: holds no flow ({', '.join(FLOW_FILE_SUFFIXES)}).")
        folders = {path.parent: _images(self.frames / path.parent.relative_to(self.flow)) for path in found}
        return [self._pair(path, folders[path.parent]) for path in found]

    def _pair(self, path: Path, images: list[Path]) -> dict:
        place = next((number for number, image in enumerate(images) if image.stem == path.stem), None)
        if place is None or place + 1 == len(images):
            missing = "no image of that name" if place is None else "no image after the one of that name"
            folder = self.frames / path.parent.relative_to(self.flow)
            raise UserError(f"{path}: {folder} has {missing}; flow leads from a frame to the next one.")
        return {
            "first_path": str(images[place]),
            "second_path": str(images[place + 1]),
            "flow_path": str(path),
            "sample_id": str(path.relative_to(self.flow).with_suffix("")),
        }


def load_pair(sample: dict) -> dict:
    """The arrays of a sample of `FlowPairs`.

    Returns:
        {"first", "second"} uint8 RGB (H,W,3), {"flow"} float32 (2,H,W), {"known"} bool (H,W).

    Raises:
        UserError: a file cannot be read, or the three are not of one size.
    """
    first, second = read_image(sample["first_path"]), read_image(sample["second_path"])
    flow, known = read_flow_file(sample["flow_path"])
    if not first.shape[:2] == second.shape[:2] == known.shape:
        raise UserError(
            f"{sample['flow_path']}: flow of {known.shape} (height, width), its frames are {first.shape[:2]} and "
            f"{second.shape[:2]}; the three must be of one size."
        )
    return {"first": first, "second": second, "flow": flow, "known": known}


@TRANSFORMS.register_module()
class LoadFlowPair(BaseTransform):
    """A sample of `FlowPairs` -> a clip of two frames with its flow, as LoadClip and LoadClipTruth make them.

    `video` uint8 RGB (2,H,W,3), `flow` float32 (1,2,H,W), `visible` bool (1,H,W), where the flow is known (it is 0
    elsewhere), and `offsets` float32 (1,), which is 1.

    Raises:
        UserError: see `load_pair`.
    """

    def transform(self, results: dict) -> dict:
        """See the class."""
        pair = load_pair(results)
        clip = {"video": np.stack([pair["first"], pair["second"]]), "offsets": np.ones(1, np.float32)}
        return results | clip | {"flow": pair["flow"][None], "visible": pair["known"][None]}


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; the flow in the folder of that name needs its frames there.")
    return image_files(folder)
