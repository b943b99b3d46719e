"""`python -m sparsevision.doctor`: what works here, what to install. Python's own library is enough to run it."""

from sparsevision.doctor.examination import Examination, examine
from sparsevision.doctor.report import report

__all__ = ["Examination", "examine", "report"]
