"""What every method is to the runners: one model with three modes."""

from abc import abstractmethod
from typing import Any

from mmengine.model import BaseModel


class MethodModel(BaseModel):
    """A model that the training and test loops of mmengine can run: `forward` hands on to one method for each mode.

    Source: the modes are those of mmengine's `BaseModel.forward`.
    """

    def forward(self, inputs: Any, data_samples: list | None = None, mode: str = "tensor") -> Any:
        """`outputs` for mode "tensor", `loss` for "loss", `predict` for "predict".

        Raises:
            ValueError: another mode.
        """
        if mode == "tensor":
            return self.outputs(inputs, data_samples)
        if mode == "loss":
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode={mode!r}; expected 'tensor', 'loss' or 'predict'")

    @abstractmethod
    def outputs(self, inputs: Any, data_samples: list | None = None) -> Any:
        """What the network gives for a batch: for benchmarks, exports and whoever wants raw numbers."""

    @abstractmethod
    def loss(self, inputs: Any, data_samples: list) -> dict[str, Any]:
        """Terms to add up, whose names begin with "loss_", and numbers to watch, whose names do not hold "loss"."""

    @abstractmethod
    def predict(self, inputs: Any, data_samples: list | None = None) -> list:
        """The samples with what the method predicts."""
