"""From flow and pictures to the latents that the diffusion models work on, and back.

Clips are (B,C,F,H,W), flow is (B,F,2,H,W) in pixels, latents are (B,c,F,h,w). Every codec stores `latent_scale`, the
factor that its latents are multiplied by, in its checkpoint.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparsevision.methods.motion_i2v.autoencoder import GaussianLatents, KLAutoencoder
from sparsevision.methods.motion_i2v.tracks import encode_sparse_flow
from sparsevision.registry import MODELS, built
from sparsevision.utils import UserError

PUBLISHED_SCALE = 0.18215
TINY_FLOW_PIXELS = 32.0
Generators = Sequence[torch.Generator] | None


class Codec(nn.Module):
    """What codecs share.

    Args:
        stride: pixels of the picture on a side of a latent cell.
        latent_channels: c.
        latent_scale: latents are multiplied by it.

    Attributes:
        latent_scale: () float32 buffer, part of the state dict.
    """

    latent_scale: Tensor

    def __init__(self, *, stride: int, latent_channels: int, latent_scale: float) -> None:
        super().__init__()
        self.stride = stride
        self.latent_channels = latent_channels
        self.register_buffer("latent_scale", torch.tensor(float(latent_scale)))

    def latent_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(h, w) of the latents of a picture (H, W).

        Raises:
            UserError: the picture is no whole multiple of the stride.
        """
        if size[0] % self.stride or size[1] % self.stride:
            raise UserError(
                f"{type(self).__name__}: height and width must be multiples of {self.stride}, got {tuple(size)}; "
                "resize the clip."
            )
        return size[0] // self.stride, size[1] // self.stride


class FlowCodec(Codec):
    """A codec of flow fields."""

    @abstractmethod
    def encode(self, flow: Tensor, *, generators: Generators = None) -> Tensor:
        """Latents (B,c,F,h,w) of flow (B,F,2,H,W), scaled for diffusion.

        Args:
            flow: in pixels.
            generators: one a clip, to draw from a posterior; without them its mean is taken.
        """

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Flow (B,F,2,H,W) in pixels of scaled latents (B,c,F,h,w)."""

    @abstractmethod
    def condition(self, flow: Tensor, mask: Tensor, *, generators: Generators = None) -> Tensor:
        """What the trajectory ControlNet reads, (B,c+1,F,h,w): sparse flow's latents and the mask.

        Args:
            flow: (B,F,2,H,W) in pixels, 0 where the mask is 0.
            mask: (B,F,1,H,W), 1 = known.
            generators: as in `encode`.
        """

    def fit_scale(self, clips: Iterable[Tensor]) -> float:
        """Set `latent_scale` so that latents of these flows (B,F,2,H,W) have a root mean square of one; returns it.

        Raises:
            UserError: none of them moves.
        """
        squares, count, before = 0.0, 0, self.latent_scale.item()
        with torch.no_grad():
            for flow in clips:
                latents = self.encode(flow).double() / before
                squares, count = squares + latents.square().sum().item(), count + latents.numel()
        if not squares:
            raise UserError(f"{type(self).__name__}.fit_scale: every latent is zero; give flows that move.")
        self.latent_scale.fill_((count / squares) ** 0.5)
        return self.latent_scale.item()


@MODELS.register_module()
class FlowVAECodec(FlowCodec):
    """The published flow codec: a two-channel autoencoder on (dx / W, dy / H) brought to [0, 1].

    Zero motion is 0.5. Decoded flow is clamped to one picture's size. The ControlNet reads latents without their scale.

    Args:
        autoencoder: with two picture channels, built or as a config.
        latent_scale: 0.18215 for the released weights.
        frames_at_once: pictures that go through the autoencoder together; a limit of memory.
    """

    def __init__(
        self, *, autoencoder: KLAutoencoder | dict, latent_scale: float = PUBLISHED_SCALE, frames_at_once: int = 16
    ) -> None:
        autoencoder = built(autoencoder)
        super().__init__(
            stride=autoencoder.stride, latent_channels=autoencoder.latent_channels, latent_scale=latent_scale
        )
        self.autoencoder = autoencoder
        self.frames_at_once = frames_at_once

    def normalise(self, flow: Tensor) -> Tensor:
        """flow (..., 2, H, W) in pixels -> what the autoencoder reads."""
        return encode_sparse_flow(flow, torch.ones_like(flow[..., :1, :, :]))

    def denormalise(self, picture: Tensor) -> Tensor:
        """What the autoencoder answers (..., 2, H, W) -> flow in pixels."""
        height, width = picture.shape[-2:]
        return (2 * picture - 1).clamp(-1, 1) * picture.new_tensor([width, height]).view(2, 1, 1)

    def encode(self, flow: Tensor, *, generators: Generators = None) -> Tensor:
        """See `FlowCodec`."""
        self.latent_size(flow.shape[-2:])
        return self._latents(self.normalise(flow), generators) * self.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        """See `FlowCodec`."""
        return self.denormalise(_decoded(self.autoencoder, latents / self.latent_scale, self.frames_at_once))

    def condition(self, flow: Tensor, mask: Tensor, *, generators: Generators = None) -> Tensor:
        """See `FlowCodec`; the mask is that of the top left pixel of each cell."""
        self.latent_size(flow.shape[-2:])
        latents = self._latents(self.normalise(flow * mask), generators)
        known = mask[..., :: self.stride, :: self.stride].transpose(1, 2)
        return torch.cat([latents, known.to(latents.dtype)], dim=1)

    def _latents(self, pictures: Tensor, generators: Generators) -> Tensor:
        return _encoded(self.autoencoder, pictures, generators, self.frames_at_once)


@MODELS.register_module()
class TinyFlowVAE(FlowVAECodec):
    """A small flow autoencoder to train in minutes: flow in units of a few pixels, not of the picture.

    The published form spends 1 / 1024 of its range on a pixel; this one is sensitive to small motion, too.

    Args:
        channels: of each level; latents are 1 / 2^(levels - 1) of the picture.
        latent_channels: c.
        pixels: displacement that is 1 for the autoencoder.
        latent_scale: see `fit_scale`.
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (16, 32, 32),
        latent_channels: int = 4,
        pixels: float = TINY_FLOW_PIXELS,
        latent_scale: float = 1.0,
    ) -> None:
        autoencoder = KLAutoencoder(
            image_channels=2, latent_channels=latent_channels, channels=channels, layers=1, groups=8
        )
        super().__init__(autoencoder=autoencoder, latent_scale=latent_scale)
        self.pixels = pixels

    def normalise(self, flow: Tensor) -> Tensor:
        """flow (..., 2, H, W) in pixels -> what the autoencoder reads."""
        return flow / self.pixels

    def denormalise(self, picture: Tensor) -> Tensor:
        """What the autoencoder answers (..., 2, H, W) -> flow in pixels."""
        return picture * self.pixels


@MODELS.register_module()
class PatchFlowCodec(FlowCodec):
    """The mean displacement of each patch, without any weights: for tiny models.

    Args:
        patch: side in pixels.
        latent_scale: per pixel of displacement; see `fit_scale`.
    """

    def __init__(self, *, patch: int = 4, latent_scale: float = 1.0) -> None:
        super().__init__(stride=patch, latent_channels=2, latent_scale=latent_scale)

    def encode(self, flow: Tensor, *, generators: Generators = None) -> Tensor:
        """See `FlowCodec`; nothing is drawn."""
        return self._mean(flow).transpose(1, 2) * self.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        """See `FlowCodec`; the same everywhere in a patch."""
        return _repeated(latents / self.latent_scale, self.stride).transpose(1, 2)

    def condition(self, flow: Tensor, mask: Tensor, *, generators: Generators = None) -> Tensor:
        """See `FlowCodec`; the mean of the known pixels of a patch, known where one of them is."""
        known = self._mean(mask)
        mean = self._mean(flow * mask) / torch.where(known > 0, known, 1)
        return torch.cat([mean * self.latent_scale, (known > 0).to(mean.dtype)], dim=2).transpose(1, 2)

    def _mean(self, fields: Tensor) -> Tensor:
        """(B,F,C,H,W) -> (B,F,C,h,w)."""
        self.latent_size(fields.shape[-2:])
        return F.avg_pool2d(fields.flatten(0, 1), self.stride).unflatten(0, fields.shape[:2])


class ImageCodec(Codec):
    """A codec of pictures in [0, 1]."""

    @abstractmethod
    def encode(self, video: Tensor, *, generators: Generators = None) -> Tensor:
        """Latents (B,c,F,h,w) of video (B,3,F,H,W) in [0, 1], scaled for diffusion; generators as in `FlowCodec`."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Video (B,3,F,H,W) in [0, 1] of scaled latents (B,c,F,h,w)."""


@MODELS.register_module()
class ImageVAECodec(ImageCodec):
    """Stable Diffusion's autoencoder, picture by picture.

    Args:
        autoencoder: with three picture channels, built or as a config.
        low: what black is for it. The release gives pictures in [0, 1] to stage 1 (0), in [-1, 1] to stage 2 (-1).
        latent_scale: 0.18215 for Stable Diffusion's weights.
        frames_at_once: pictures that go through the autoencoder together; a limit of memory.
    """

    def __init__(
        self,
        *,
        autoencoder: KLAutoencoder | dict,
        low: float = -1.0,
        latent_scale: float = PUBLISHED_SCALE,
        frames_at_once: int = 4,
    ) -> None:
        autoencoder = built(autoencoder)
        super().__init__(
            stride=autoencoder.stride, latent_channels=autoencoder.latent_channels, latent_scale=latent_scale
        )
        self.autoencoder = autoencoder
        self.low = low
        self.frames_at_once = frames_at_once

    def encode(self, video: Tensor, *, generators: Generators = None) -> Tensor:
        """See `ImageCodec`."""
        self.latent_size(video.shape[-2:])
        pictures = (self.low + (1 - self.low) * video).transpose(1, 2)
        return _encoded(self.autoencoder, pictures, generators, self.frames_at_once) * self.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        """See `ImageCodec`; always from [-1, 1], which is what the autoencoder answers."""
        pictures = _decoded(self.autoencoder, latents / self.latent_scale, self.frames_at_once)
        return ((pictures + 1) / 2).clamp(0, 1).transpose(1, 2)


@MODELS.register_module()
class PixelShuffleCodec(ImageCodec):
    """The pixels of each patch as channels, without any weights: for tiny models.

    Args:
        patch: side in pixels; there are 3 patch^2 channels.
        mean: of pixel values.
        latent_scale: 1 / standard deviation of pixel values.
    """

    def __init__(self, *, patch: int = 2, mean: float = 0.5, latent_scale: float = 4.0) -> None:
        super().__init__(stride=patch, latent_channels=3 * patch**2, latent_scale=latent_scale)
        self.mean = mean

    def encode(self, video: Tensor, *, generators: Generators = None) -> Tensor:
        """See `ImageCodec`; nothing is drawn."""
        self.latent_size(video.shape[-2:])
        frames = F.pixel_unshuffle(video.transpose(1, 2) - self.mean, self.stride)
        return frames.transpose(1, 2) * self.latent_scale

    def decode(self, latents: Tensor) -> Tensor:
        """See `ImageCodec`."""
        frames = F.pixel_shuffle(latents.transpose(1, 2) / self.latent_scale, self.stride)
        return (frames + self.mean).clamp(0, 1).transpose(1, 2)


def _repeated(latents: Tensor, times: int) -> Tensor:
    return latents.repeat_interleave(times, dim=-2).repeat_interleave(times, dim=-1)


def _encoded(autoencoder: KLAutoencoder, pictures: Tensor, generators: Generators, at_once: int) -> Tensor:
    """Unscaled latents (B,c,F,h,w) of pictures (B,F,C,H,W)."""
    if generators is not None and len(generators) != len(pictures):
        raise UserError(f"generators: {len(generators)} for {len(pictures)} clips; give one for each.")
    clips = []
    for index, clip in enumerate(pictures):
        with _without_autocast(clip):
            parts = [autoencoder.encode(part) for part in clip.to(autoencoder.dtype).split(at_once)]
        whole = GaussianLatents(
            mean=torch.cat([part.mean for part in parts]), logvar=torch.cat([part.logvar for part in parts])
        )
        clips.append(whole.mean if generators is None else whole.sample(generators[index]))
    return torch.stack(clips).transpose(1, 2)


def _decoded(autoencoder: KLAutoencoder, latents: Tensor, at_once: int) -> Tensor:
    """Pictures (B,F,C,H,W) of unscaled latents (B,c,F,h,w)."""
    frames = latents.transpose(1, 2).to(autoencoder.dtype)
    with _without_autocast(frames):
        parts = [autoencoder.decode(part) for part in frames.flatten(0, 1).split(at_once)]
    return torch.cat(parts).unflatten(0, frames.shape[:2])


def _without_autocast(like: Tensor) -> torch.autocast:
    """Mixed precision is for the networks that learn: a pixel of flow is 1 / 1024 of what its autoencoder reads, less
    than the steps of bfloat16 there."""
    return torch.autocast(like.device.type, enabled=False)
