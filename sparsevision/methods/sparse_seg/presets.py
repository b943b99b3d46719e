"""The released codes of the field with their oddities, and the same as meant."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sparsevision.methods.sparse_seg.terms import BoxProjection, LossTerm, PartialCrossEntropy, PseudoLabels
from sparsevision.methods.sparse_seg.terms_unlabelled import SaliencyCoherence
from sparsevision.registry import MODELS
from sparsevision.utils import UserError, did_you_mean

PRESETS: Mapping[str, Mapping[type[LossTerm], Mapping[str, Any]]] = MappingProxyType(
    {
        "published": MappingProxyType(
            {
                PartialCrossEntropy: {"probabilities_as_logits": True},  # SCWSSOD, CRNet
                SaliencyCoherence: {"compounding_sigma": True, "foreground_only": True},  # SCWSSOD, CRNet
                PseudoLabels: {"weighted": False},  # F3Net, WS-SAM
                BoxProjection: {"inside_only": False},  # BoxInst
            }
        ),
        "fixed": MappingProxyType({}),
    }
)


def build_terms(terms: Sequence[LossTerm | Mapping[str, Any]], *, preset: str) -> list[LossTerm]:
    """Built terms; those given as configs get the preset's switches, unless they say otherwise themselves.

    Raises:
        UserError: unknown preset, no term, something that is no term, or two terms of one name.
    """
    if preset not in PRESETS:
        raise UserError(f"preset={preset!r}; expected one of {', '.join(PRESETS)}.{did_you_mean(str(preset), PRESETS)}")
    built = [_built(term, PRESETS[preset]) for term in terms]
    names = [term.name for term in built]
    if not built or len(set(names)) < len(names):
        raise UserError(f"terms: expected at least one loss term and none twice, got {names}.")
    return built


def _built(term: LossTerm | Mapping[str, Any], switches: Mapping[type[LossTerm], Mapping[str, Any]]) -> LossTerm:
    if isinstance(term, LossTerm):
        return term
    kind = MODELS.get(term["type"]) if isinstance(term["type"], str) else term["type"]
    if not (isinstance(kind, type) and issubclass(kind, LossTerm)):
        raise UserError(f"terms: {term['type']!r} is no loss term; see sparsevision/methods/sparse_seg/terms.py.")
    return MODELS.build({**switches.get(kind, {}), **term})
