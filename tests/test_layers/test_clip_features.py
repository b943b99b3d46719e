"""CLIP's vectors for scores of videos: tiny networks of open_clip and transformers against their own answers."""

import json

import pytest
import torch
from torch.nn import functional as F

from sparsevision.engine import CheckpointError
from sparsevision.layers.clip_features import MEAN, STD, CLIPFeatures
from sparsevision.utils import UserError

SIZE = 32
TINY = {
    "embed_dim": 12,
    "quick_gelu": True,
    "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}
PICTURES = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
NORMALISED = (PICTURES - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.fixture(scope="module")
def open_clip_file(tmp_path_factory):
    """A file, and the network in it; open_clip knows the architecture as tiny-for-tests."""
    open_clip = pytest.importorskip("open_clip")
    folder = tmp_path_factory.mktemp("open_clip")
    (folder / "tiny-for-tests.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-for-tests", pretrained=None).eval()
    torch.save(network.state_dict() | {"vocab_size": torch.tensor(49408)}, folder / "clip.pt")
    return folder / "clip.pt", network


@pytest.fixture(scope="module")
def transformers_folder(tmp_path_factory):
    """A folder of transformers with a vocabulary of letters, and the network in it."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("transformers")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**layers, **ends, "vocab_size": len(words), "max_position_embeddings": 16}
    vision = {**layers, "image_size": SIZE, "patch_size": 16}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    network = transformers.CLIPModel(config).eval()
    network.save_pretrained(folder)
    return folder, network


@torch.no_grad()
def test_a_file_of_open_clip(open_clip_file):
    path, network = open_clip_file
    clip = CLIPFeatures(path, model="tiny-for-tests")
    assert torch.allclose(clip.images(PICTURES), F.normalize(network.encode_image(NORMALISED), dim=-1), atol=1e-6)
    open_clip = pytest.importorskip("open_clip")
    tokens = open_clip.SimpleTokenizer(context_length=16)(["a red ball", "", "word " * 40])
    texts = clip.texts(["a red ball", "", "word " * 40])
    assert torch.allclose(texts, F.normalize(network.encode_text(tokens), dim=-1), atol=1e-6)
    assert not any(value.requires_grad for value in clip.parameters())


@torch.no_grad()
def test_a_folder_of_transformers(transformers_folder):
    folder, network = transformers_folder
    clip = CLIPFeatures(folder)
    tokens = pytest.importorskip("transformers").CLIPTokenizer.from_pretrained(folder)(["a cat"], return_tensors="pt")
    theirs = network(pixel_values=NORMALISED, **tokens)
    assert torch.allclose(clip.images(PICTURES), theirs.image_embeds, atol=1e-6)
    assert torch.allclose(clip.texts(["a cat"]), theirs.text_embeds, atol=1e-6)


def test_the_middle_of_a_wide_picture_is_seen(open_clip_file):
    clip = CLIPFeatures(open_clip_file[0], model="tiny-for-tests")
    wide = torch.zeros(3, 3, SIZE, 2 * SIZE)
    wide[..., SIZE // 2 : 3 * SIZE // 2] = PICTURES
    assert torch.allclose(clip.images(wide), clip.images(PICTURES), atol=1e-6)
    assert clip.images(torch.rand(1, 3, 45, 91)).shape == (1, 12)


def test_what_is_refused(open_clip_file, tmp_path):
    with pytest.raises(UserError, match="nothing is downloaded"):
        CLIPFeatures(tmp_path / "absent.pt")
    with pytest.raises(UserError, match=r"no model 'tiny-for-test'.*tiny-for-tests"):
        CLIPFeatures(open_clip_file[0], model="tiny-for-test")
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="another architecture"):
        CLIPFeatures(tmp_path / "other.pt", model="tiny-for-tests")
    with pytest.raises(UserError, match="cannot load CLIP from this folder"):
        CLIPFeatures(tmp_path)
