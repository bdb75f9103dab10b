"""Automatic checks of the exercises: each names the likely mistake.

One module per chapter; a notebook imports from the one it needs, for example
``from attend.checks.scaling import check_scaled_scores``.
"""

from attend.checks.core import Case, Exercise, Mistake, Report, exercises

__all__ = ["Case", "Exercise", "Mistake", "Report", "exercises"]
