"""Names of the released checkpoints (and of E2VID's) to ours."""

import re
from collections.abc import Mapping

from torch import Tensor

from sparsevision.utils import UserError

PARTS = {
    "enc1": "students.0.encoder.",
    "dec1": "students.0.decoder.",
    "enc2": "students.1.encoder.",
    "dec2": "students.1.decoder.",
}
RENAMED = (
    (r"^head\.conv2d\.", "head."),
    (r"^encoders\.(\d+)\.conv\.conv2d\.", r"stages.\1.conv."),
    (r"^encoders\.(\d+)\.conv\.norm_layer\.", r"stages.\1.norm."),
    (r"^encoders\.(\d+)\.recurrent_block\.Gates\.", r"stages.\1.cell.gates."),
    (r"^proj_head_for_distill_(\d+)\.conv2d\.", r"projections.\1."),
    (r"^decoder_scale_1\.5\.model\.0\.", "at8.conv."),
    (r"^decoder_scale_1\.(\d+)\.model\.0\.", r"blocks.\1.first."),
    (r"^decoder_scale_1\.(\d+)\.model\.3\.", r"blocks.\1.second."),
    (r"^decoder_scale_2\.(\d+)\.model\.0\.", r"at4.\1.conv."),
    (r"^decoder_scale_3\.(\d+)\.model\.0\.", r"at2.\1.conv."),
    (r"^decoder_scale_4\.0\.model\.0\.", "at1.conv."),
    (r"^decoder_scale_5\.0\.", "classify."),
)
E2VID = "unetrecurrent."


def convert_checkpoint(state: Mapping) -> dict[str, Tensor]:
    """A state dict with our names; see `convert_with_report`, whose first answer this is."""
    return convert_with_report(state)[0]


def convert_with_report(state: Mapping) -> tuple[dict[str, Tensor], list[str]]:
    """Rename, and tell what has no place here.

    Args:
        state: a released checkpoint {"enc1": ..., "enc2": ..., "dec1": ..., "dec2": ...} with or without "module." in
            front of the names; or the state dict of one of these networks alone; or E2VID's file
            ({"state_dict": {"unetrecurrent....": ...}}), of which the encoder is taken.

    Returns:
        Tensors named as in `EVWSSS` (whole checkpoint) or as in `E2VIDRecurrentEncoder` or `ESSDecoder` (one network),
        and the names that are left over. Left over are always the two residual blocks of the encoders, whose output
        the release never uses.

    Raises:
        UserError: nothing in it is known.
    """
    converted, unused = {}, []
    for prefix, part, network in _networks(state):
        for name, tensor in network.items():
            ours = _renamed(name.removeprefix("module.").removeprefix(E2VID))
            if ours is None:
                unused.append(f"{part}{name}")
            else:
                converted[prefix + ours] = tensor
    if not converted:
        keys = ", ".join(list(map(str, state))[:5])
        raise UserError(
            f"This is no checkpoint of EV-WSSS or E2VID: expected enc1, enc2, dec1, dec2, one of these networks, or "
            f"state_dict with unetrecurrent.* names; found {keys}."
        )
    return converted, unused


def _networks(state: Mapping) -> list[tuple[str, str, dict[str, Tensor]]]:
    """(prefix of our names, prefix for the report, names to tensors) for each network in the file."""
    whole = [(PARTS[part], f"{part}.", _tensors(state[part])) for part in PARTS if isinstance(state.get(part), Mapping)]
    if whole:
        return whole
    inner = state.get("state_dict")
    return [("", "", _tensors(inner if isinstance(inner, Mapping) else state))]


def _tensors(state: Mapping) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _renamed(name: str) -> str | None:
    for pattern, replacement in RENAMED:
        ours, count = re.subn(pattern, replacement, name)
        if count:
            return ours
    return None
