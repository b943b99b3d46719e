"""From a collated step of rays to a batch on the model's device."""

from mmengine.model import BaseDataPreprocessor

from sparsevision.registry import MODELS
from sparsevision.utils import UserError


@MODELS.register_module()
class RayPreprocessor(BaseDataPreprocessor):
    """Takes {"inputs": {name: [tensor], ...}, "data_samples": [...]} as `pseudo_collate` makes it of one step.

    Gives the same with the tensors themselves: an item of the data set is a whole step, so batches have one item.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """See the class.

        Raises:
            UserError: the batch holds another number of items, or no dict of rays.
        """
        inputs = data.get("inputs")
        if not isinstance(inputs, dict) or not any(name.endswith("rays") for name in inputs):
            raise UserError(
                "RayPreprocessor expects inputs={'rays' or '<group>_rays': [tensor (..., 6)], 'near_far': ...}, as "
                "SceneRays and SceneViews give them."
            )
        counts = {len(values) for values in inputs.values()}
        if counts != {1}:
            raise UserError(
                f"A batch holds {max(counts)} items, but an item of SceneRays or SceneViews is a whole step: set "
                "batch_size=1 in the data loader (and the number of rays in `groups`)."
            )
        data = self.cast_data(data)
        return {
            "inputs": {name: values[0] for name, values in data["inputs"].items()},
            "data_samples": data.get("data_samples"),
        }
