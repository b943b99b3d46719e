"""Classes that a config gives by name."""

import pytest
from mmengine.config import Config

from sparsevision.engine.class_names import check_class_names
from sparsevision.utils import UserError

FULL = {
    "model": {"type": "sparsevision.methods.gensam.GenSAM", "backbone": {"type": "checked when it is built"}},
    "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "torch.optim.AdamW"}},
    "param_scheduler": [{"type": "LinearLR"}],
    "train_dataloader": {
        "dataset": {"type": "ConcatDataset", "pipeline": [{"type": "mmcv.transforms.LoadImageFromFile"}]},
        "sampler": {"type": "DefaultSampler"},
    },
    "val_evaluator": {"type": "Evaluator", "metrics": []},
    "test_evaluator": [{"type": "sparsevision.evaluation.CamouflageMetric"}],
    "default_hooks": {"timer": {"type": "IterTimerHook"}},
    "custom_hooks": [{"type": "EMAHook"}],
    "visualizer": {"type": "Visualizer"},
    "anything": {"type": "else"},
}


def test_full_names_and_those_of_mmengine_are_found():
    check_class_names(Config(FULL))


def test_short_names_are_found_in_the_scope_of_the_config():
    scoped = {"default_scope": "sparsevision", "test_evaluator": {"type": "CamouflageMetric"}}
    check_class_names(Config(scoped))
    with pytest.raises(UserError, match="there is no metric of that name"):
        check_class_names(Config(scoped | {"default_scope": None}))


@pytest.mark.parametrize(
    ("place", "wrong", "meant"),
    [
        ("model", "GenSam", "GenSAM'"),
        ("optim_wrapper.optimizer", "Adamm", "'torch.optim.adam.Adam'"),
        ("param_scheduler.0", "LinearLr", "LinearLR'"),
        ("train_dataloader.dataset.pipeline.0", "sparsevision.datasets.LoadImag", "LoadImage'"),
        ("val_evaluator", "CamouflageMetrics", "CamouflageMetric'"),
        ("custom_hooks.0", "EmaHook", "EMAHook'"),
    ],
)
def test_a_misspelt_name_is_told_with_its_place_and_the_closest(place, wrong, meant):
    config = Config(FULL)
    config.merge_from_dict({f"{place}.type": wrong})
    with pytest.raises(UserError) as caught:
        check_class_names(config)
    assert str(caught.value).startswith(f"config: {place}.type is '{wrong}', and there is no ")
    assert meant in str(caught.value).partition("Did you mean")[2]
