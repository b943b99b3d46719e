"""What the release does otherwise than it should, each difference as one switch."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Switches:
    """Differences between "published" and "fixed".

    Attributes:
        still_clicks: a single click is a point that stays; the release lets it drift by a pixel.
        exact_freezing: what the brush freezes equals the first frame, in the latents of every step and in the pixels;
            the release leaves it out before the first step and after the last.
        drawn_latents: latents of an autoencoder are drawn from its posterior; otherwise they are its mean.
        spare_noise: stage 1 draws noise for all channels that its network reads and keeps those of the flow.
    """

    still_clicks: bool
    exact_freezing: bool
    drawn_latents: bool
    spare_noise: bool


PRESETS = {
    "published": Switches(still_clicks=False, exact_freezing=False, drawn_latents=True, spare_noise=True),
    "fixed": Switches(still_clicks=True, exact_freezing=True, drawn_latents=False, spare_noise=False),
}
