"""Grading: submissions run in a sandbox, their answers are judged outside it, results go to nbgrader's gradebook."""
