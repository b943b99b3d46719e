"""An object that shows whether a file was unpickled without care."""

import os
from pathlib import Path


class Bomb:
    """Touches a file when pickle loads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.target}",)
