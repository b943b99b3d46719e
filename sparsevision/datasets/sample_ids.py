"""What the samples of a set are called where several files of it may have one stem."""

import os
from collections.abc import Sequence
from pathlib import PurePath


def sample_ids(files: Sequence[str]) -> list[str]:
    """A name for each file: its stem, if that tells the files apart.

    Else all of them are called by their paths without suffix, "a/1" and "b/1", and where a folder holds both 1.jpg and
    1.png, with it. A file that is listed twice has one name.

    Args:
        files: paths from the folder of the set. If one of them leaves it, names start at the folder that all share.
    """
    paths = [os.path.normpath(file) for file in files]
    if any(os.path.isabs(path) or path.startswith(os.pardir) for path in paths):
        whole = [os.path.abspath(path) for path in paths]
        shared = os.path.commonpath([os.path.dirname(path) for path in whole])
        paths = [os.path.relpath(path, shared) for path in whole]
    plain = [PurePath(path) for path in paths]
    choices = ([path.stem for path in plain], [path.with_suffix("").as_posix() for path in plain])
    return next((names for names in choices if len(set(names)) == len(set(paths))), [path.as_posix() for path in plain])
