"""The packaged ONNX graphs as a promptable segmenter: the referee of our torch MobileSAM."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from sparsevision.layers.promptable import ImageEmbedding, ImageFrame, Prompt, PromptableSegmenter, PromptedMasks
from sparsevision.layers.promptable.base import fit_longest_side, resize_image

SIDE = 1024
MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])


class OnnxGraph(PromptableSegmenter):
    """encoder.onnx and sam.onnx of `folder`. One mask per prompt: the graph chooses among its four."""

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.encoder, self.decoder = (
            onnxruntime.InferenceSession(str(folder / name), options) for name in ("encoder.onnx", "sam.onnx")
        )

    def _embed(self, image: np.ndarray) -> ImageEmbedding:
        size = fit_longest_side(image.shape[:2], SIDE)
        square = np.zeros((1, 3, SIDE, SIDE), np.float32)
        square[0, :, : size[0], : size[1]] = ((resize_image(image, size) - MEAN) / STD).transpose(2, 0, 1)
        frame = ImageFrame(image_size=image.shape[:2], scaled_size=size, side=SIDE)
        return ImageEmbedding(features=self.encoder.run(None, {"input": square})[0], frame=frame)

    def _decode(self, embedding: ImageEmbedding, prompts: list[Prompt], multimask: bool) -> list[PromptedMasks]:
        return [self._answer(embedding, prompt) for prompt in prompts]

    def _answer(self, embedding: ImageEmbedding, prompt: Prompt) -> PromptedMasks:
        points, labels = _graph_points(embedding.frame, prompt)
        mask = np.zeros((256, 256), np.float32) if prompt.mask_input is None else prompt.mask_input.numpy()
        inputs = {
            "image_embeddings": embedding.features,
            "point_coords": points[None],
            "point_labels": labels[None],
            "mask_input": mask[None, None],
            "has_mask_input": np.float32([prompt.mask_input is not None]),
            "orig_im_size": np.float32(embedding.frame.image_size),
        }
        scores, low_res = self.decoder.run(["iou_predictions", "low_res_masks"], inputs)
        return PromptedMasks(
            low_res=torch.from_numpy(low_res[0]), scores=torch.from_numpy(scores[0]), frame=embedding.frame
        )


def _graph_points(frame: ImageFrame, prompt: Prompt) -> tuple[np.ndarray, np.ndarray]:
    """The export's convention: a box is two points labelled 2 and 3; without one a point labelled -1 is appended."""
    points = np.zeros((0, 2)) if prompt.points is None else prompt.points
    labels = [] if prompt.labels is None else prompt.labels
    corners, kinds = (np.zeros((1, 2)), [-1]) if prompt.box is None else (prompt.box.reshape(2, 2), [2, 3])
    return frame.to_input(np.concatenate([points, corners])), np.float32([*labels, *kinds])
