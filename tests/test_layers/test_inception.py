"""FID's features: the same network as the package's, from a file that holds tensors alone."""

from unittest import mock

import pytest
import torch

from sparsevision.evaluation.functional.views import frechet_distance
from sparsevision.layers.inception import InceptionFeatures
from sparsevision.utils import UserError


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """The tensors of the package's network before it loads any weights."""
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    with (
        mock.patch.object(fidelity, "load_state_dict_from_url"),
        mock.patch.object(fidelity.FeatureExtractorInceptionV3, "load_state_dict"),
    ):
        torch.save(fidelity.FeatureExtractorInceptionV3("inception", ["2048"]).state_dict(), path)
    return path


def test_the_packages_features(untrained):
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    theirs = fidelity.FeatureExtractorInceptionV3("inception", ["2048"], str(untrained))
    images = torch.randint(0, 256, (1, 3, 40, 50), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    features = InceptionFeatures(untrained)(images)
    assert features.shape == (1, 2048)
    assert torch.equal(features, theirs(images)[0])


@pytest.mark.slow  # torchmetrics takes the root of a matrix of 2048 x 2048
def test_fid_is_torchmetrics(untrained):
    fid = pytest.importorskip("torchmetrics.image.fid")
    rng = torch.Generator().manual_seed(0)
    one, other = torch.randint(0, 256, (2, 4, 3, 40, 50), generator=rng, dtype=torch.uint8)
    other[:, 0] = 40
    theirs = fid.FrechetInceptionDistance(2048, feature_extractor_weights_path=str(untrained))
    theirs.set_dtype(torch.float64)
    theirs.update(one, real=True)
    theirs.update(other, real=False)
    own = InceptionFeatures(untrained)
    distance = frechet_distance(*(own(images).numpy() for images in (one, other)))
    assert distance == pytest.approx(float(theirs.compute()), rel=1e-3)


def test_other_files_are_refused(tmp_path):
    pytest.importorskip("torch_fidelity")
    with pytest.raises(UserError, match=r"nothing is downloaded.*weights-inception"):
        InceptionFeatures(tmp_path / "absent.pth")
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="not the Inception weights"):
        InceptionFeatures(tmp_path / "other.pth")
    (tmp_path / "page.pth").write_text("<html>please log in</html>")
    with pytest.raises(UserError, match=r"page\.pth"):
        InceptionFeatures(tmp_path / "page.pth")
