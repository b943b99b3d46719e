"""Budget studies: how many annotations, of which kind, on what? Behind tools/annotation/budget_study.py."""

from sparsevision.studies.build import build_task
from sparsevision.studies.task import StudySettings, StudyTask

__all__ = ["StudySettings", "StudyTask", "build_task"]
