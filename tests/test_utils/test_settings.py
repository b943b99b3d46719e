"""Settings and switches out of a config."""

from dataclasses import dataclass

import pytest

from sparsevision.utils import UserError
from sparsevision.utils.settings import settings_of, switches_of_preset


@dataclass(frozen=True)
class Mood:
    happy: bool = True
    loud: bool = False


def test_a_dict_becomes_settings_and_none_stays_none():
    assert settings_of(Mood, {"loud": True}) == Mood(loud=True)
    assert settings_of(Mood, None) is None
    with pytest.raises(UserError, match=r"Mood: \{'lod': True\} does not fit; expected some of happy, loud"):
        settings_of(Mood, {"lod": True})


def test_a_preset_with_one_switch_changed():
    presets = {"published": Mood(), "fixed": Mood(loud=True)}
    assert switches_of_preset(presets, "fixed") == Mood(loud=True)
    assert switches_of_preset(presets, "fixed", {"happy": False}) == Mood(happy=False, loud=True)
    with pytest.raises(UserError, match="preset='best'; expected one of published, fixed"):
        switches_of_preset(presets, "best")
    with pytest.raises(UserError, match=r"switches=\{'typo': True\}: expected some of happy, loud"):
        switches_of_preset(presets, "fixed", {"typo": True})
    with pytest.raises(UserError, match="loud='no'; expected True or False"):
        switches_of_preset(presets, "fixed", {"loud": "no"})
