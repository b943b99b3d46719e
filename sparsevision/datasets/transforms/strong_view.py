"""A second look of an image for the student of a mean teacher: same pixels' places, other colours."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform, Compose

from sparsevision.registry import TRANSFORMS
from sparsevision.utils import UserError


@TRANSFORMS.register_module()
class StrongView(BaseTransform):
    """`strong_img`: what transforms of colours make of `img`, which stays as it is; both have the same boxes.

    Put it behind whatever moves pixels. `PackDetectionInputs` hands it on as inputs["strong_image"]: a detector that
    learns with a teacher shows that to the student, and `img` to the teacher (co-mining, Wang et al., AAAI 2021; mean
    teachers with weak and strong augmentation).

    Args:
        transforms: of colours, such as `ColourJitter`.

    Raises:
        UserError: a transform gave the image another size.
    """

    def __init__(self, *, transforms: Sequence[dict]) -> None:
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict:
        """See the class."""
        seen = self.transforms({**results})["img"]
        if seen.shape != results["img"].shape:
            raise UserError(
                f"StrongView: its transforms made {seen.shape} of an image of {results['img'].shape}; take those that "
                "change colours alone."
            )
        return {**results, "strong_img": seen}
