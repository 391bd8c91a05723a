"""The classroom: builds notebooks from chapter sources, checks a student's notebook, grades submissions."""

from saw_edu.classroom.authoring.hidden import HiddenTestsError, hidden
from saw_edu.classroom.authoring.mutants import Mutant

__all__ = ["HiddenTestsError", "Mutant", "hidden"]
