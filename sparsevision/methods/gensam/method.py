"""GenSAM as a model of the codebase: one generic text prompt in, one mask per image out (Hu et al., AAAI 2024).

All weights are frozen; the method adapts to each image at test time. Options and presets: see `presets.py`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from sparsevision.engine import load_checkpoint, weights_of
from sparsevision.engine.model import MethodModel
from sparsevision.methods.gensam.clip_heatmap import ClipHeatmap
from sparsevision.methods.gensam.heatmap_backend import HeatmapBackend
from sparsevision.methods.gensam.keywords.prompt_sets import DEFAULT_PROMPT_SET, prompt_words
from sparsevision.methods.gensam.keywords.source import GenericPrompt, KeywordSource, build_source
from sparsevision.methods.gensam.loop import GenSAMResult, PassRecord, Segmenter, Words, run_batch
from sparsevision.methods.gensam.network import SpatialCLIP
from sparsevision.methods.gensam.presets import HEATMAP_OPTIONS, GenSAMOptions, resolve_options
from sparsevision.methods.gensam.text import TextEnsemble
from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@MODELS.register_module()
class OpenClipHeatmap(ClipHeatmap):
    """`ClipHeatmap` with weights named in a config.

    Args:
        model: open_clip's name of the architecture, a vision transformer.
        pretrained: open_clip's tag, or a file with a state dict in OpenAI's layout; None gives random weights.
        cache_dir: where text features of words are kept between runs; None keeps them in memory only.
        options: further arguments of `ClipHeatmap`.
    """

    def __init__(
        self,
        *,
        model: str = "ViT-B-16-quickgelu",
        pretrained: str | None = "openai",
        cache_dir: str | Path | None = None,
        **options: Any,
    ) -> None:
        clip = _load_clip(model, pretrained)
        super().__init__(clip=clip, text=TextEnsemble(clip=clip, cache_dir=cache_dir), **options)


def _load_clip(model: str, pretrained: str | None) -> SpatialCLIP:
    if pretrained is None or not Path(pretrained).is_file():
        return SpatialCLIP.from_open_clip(model, pretrained)
    return SpatialCLIP.from_state_dict(weights_of(load_checkpoint(pretrained)), quick_gelu="quickgelu" in model)


@MODELS.register_module()
class GenSAM(MethodModel):
    """Segments what one task-generic prompt such as "camouflaged animal" means in each image.

    Args:
        heatmap_backend: a `HeatmapBackend`, a config of one, or a `SpatialCLIP`.
        segmenter: a promptable segmenter or a config of one.
        keywords: a `KeywordSource` or a config of one; by default the generic prompt alone, without a language model.
        prompt_set: name of the generic prompt, see `sparsevision.methods.gensam.keywords`.
        preset: "published" or "fixed".
        diagnostics: also add `gensam_passes` to each sample: one dict per pass with heatmap, points, labels, box,
            mask, score, chosen and the words asked for (foreground, background).
        soft_mask: also add `pred_soft_mask`, the sigmoid of the mean logits over the passes, float in [0,1]: a pseudo
            label for a network that is trained.
        options: single options that differ from the preset, see `GenSAMOptions`.

    Raises:
        UserError: unknown preset, prompt set or option, or an option of CLIP for a back-end that is not built from it.
    """

    requires_checkpoint = False

    def __init__(
        self,
        *,
        heatmap_backend: HeatmapBackend | SpatialCLIP | Mapping[str, Any],
        segmenter: Segmenter | Mapping[str, Any],
        keywords: KeywordSource | Mapping[str, Any] | None = None,
        prompt_set: str = DEFAULT_PROMPT_SET,
        preset: str = "published",
        diagnostics: bool = False,
        soft_mask: bool = False,
        data_preprocessor: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.options = resolve_options(preset, **options)
        self.heatmap_backend = _build_backend(heatmap_backend, self.options, given=options)
        self.segmenter = MODELS.build(segmenter) if isinstance(segmenter, Mapping) else segmenter
        self.keywords = GenericPrompt() if keywords is None else build_source(keywords)
        prompt_words(prompt_set)
        self.prompt_set = prompt_set
        self.diagnostics = diagnostics
        self.soft_mask = soft_mask
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "GenSAM":
        """Stays in evaluation mode: there is nothing to train."""
        return super().train(False)

    def outputs(
        self, inputs: dict[str, Sequence[Tensor]], data_samples: Sequence[SegDataSample] | None = None
    ) -> list[Tensor]:
        """The mean logits (H,W) over the passes of each image, see `predict`."""
        return [result.mean_logits for result in self._results(inputs, data_samples)[1]]

    def loss(self, inputs: dict[str, Sequence[Tensor]], data_samples: Sequence[SegDataSample]) -> dict[str, Tensor]:
        """There is none.

        Raises:
            UserError: always.
        """
        raise UserError(
            "GenSAM has nothing to train, all its weights are frozen: run tools/test.py with this config instead."
        )

    def predict(
        self, inputs: dict[str, Sequence[Tensor]], data_samples: Sequence[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Add `pred_mask`, PixelData (1,H,W) float 0 or 1 at `ori_shape`, to the samples.

        Args:
            inputs: {"image": [uint8 RGB (3,H,W), ...]}, of any and different sizes.
            data_samples: one an image; None for new ones.

        Raises:
            UserError: images that are not uint8 RGB.
        """
        samples, results = self._results(inputs, data_samples)
        for sample, result in zip(samples, results, strict=True):
            self._add_prediction(sample, result)
        return samples

    def _results(
        self, inputs: dict[str, Sequence[Tensor]], data_samples: Sequence[SegDataSample] | None
    ) -> tuple[list[SegDataSample], list[GenSAMResult]]:
        images = [_as_array(image) for image in inputs["image"]]
        samples = [SegDataSample() for _ in images] if data_samples is None else list(data_samples)
        return samples, self.segment(images, names=[sample.metainfo.get("sample_id") for sample in samples])

    def segment(self, images: Sequence[np.ndarray], names: Sequence[str | None] | None = None) -> list[GenSAMResult]:
        """Masks with the record of every pass, of uint8 RGB images (H,W,3).

        names: file stems, for keyword sources that look words up by name.
        """
        times = self.options.recursive + 1 if self.options.update_text else 1
        names = names or [None] * len(images)
        words = [
            self.keywords.sample(image, self.prompt_set, times, name=name)
            for image, name in zip(images, names, strict=True)
        ]
        return run_batch(
            images, words=words, backend=self.heatmap_backend, segmenter=self.segmenter, options=self.options
        )

    def _add_prediction(self, sample: SegDataSample, result: GenSAMResult) -> None:
        mask = torch.from_numpy(result.mask)[None].float()
        size = tuple(sample.metainfo.get("ori_shape", mask.shape[-2:]))[:2]
        sample.pred_mask = PixelData(data=_resized(mask, size))
        if self.soft_mask:
            sample.pred_soft_mask = PixelData(data=_resized(result.mean_logits.float().sigmoid()[None].cpu(), size))
        if self.diagnostics:
            sample.gensam_passes = [
                _as_dict(record, words, chosen=index == result.chosen)
                for index, (record, words) in enumerate(zip(result.passes, result.words, strict=True))
            ]


def _resized(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """mask (1,H,W) to (1,*size) by nearest neighbour."""
    if size == tuple(mask.shape[-2:]):
        return mask
    return torch.nn.functional.interpolate(mask[None], size=size, mode="nearest-exact")[0]


def _as_array(image: Tensor) -> np.ndarray:
    if image.dtype != torch.uint8 or image.ndim != 3 or image.shape[0] != 3:
        raise UserError(
            f"GenSAM expects uint8 RGB images (3,H,W), got {image.dtype} of shape {tuple(image.shape)}. "
            "Leave normalising, padding and stacking out of its data_preprocessor."
        )
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())


def _as_dict(record: PassRecord, words: Words, *, chosen: bool) -> dict[str, Any]:
    return {
        "heatmap": record.heatmap,
        "points": record.points,
        "labels": record.labels,
        "box": record.box,
        "mask": record.mask,
        "score": record.score,
        "chosen": chosen,
        "foreground": list(words.foreground),
        "background": list(words.background),
    }


def _build_backend(
    backend: HeatmapBackend | SpatialCLIP | Mapping[str, Any], options: GenSAMOptions, *, given: Mapping[str, Any]
) -> HeatmapBackend:
    """The back-end, with the preset's options of CLIP where it is built here."""
    if isinstance(backend, SpatialCLIP):
        return ClipHeatmap(clip=backend, **options.heatmap_options)
    if isinstance(backend, Mapping) and _is_clip(backend["type"]):
        return MODELS.build({**options.heatmap_options, **backend})
    if misplaced := [name for name in HEATMAP_OPTIONS if name in given]:
        raise UserError(
            f"{', '.join(misplaced)} cannot be set on this heatmap back-end from GenSAM: it takes them only for a "
            "spatial CLIP that it builds. Give them to the back-end itself, or leave them out."
        )
    return MODELS.build(backend) if isinstance(backend, Mapping) else backend


def _is_clip(kind: str | type) -> bool:
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, ClipHeatmap)
