"""Visible checks of chapter 8, "Image subgoals and video without actions", by what they are about."""

from saw_edu.course.ch08.film_checks import load_video
from saw_edu.course.ch08.frame_checks import final_frames, subgoal_pairs
from saw_edu.course.ch08.picture_checks import imagine, overlap_of_change

__all__ = ["final_frames", "imagine", "load_video", "overlap_of_change", "subgoal_pairs"]
