"""Chapter 8: its checks accept the library's own functions and name each likely slip."""

import pytest

from saw_edu.checks import CheckFailed
from saw_edu.course.ch08 import checks, film_checks, picture_checks, scenes
from saw_edu.hierarchy import imagine

EXERCISES = {
    "subgoal_pairs": (checks.subgoal_pairs, imagine.subgoal_pairs),
    "load_video": (checks.load_video, None),
    "imagine": (checks.imagine, imagine.imagine),
    "overlap_of_change": (checks.overlap_of_change, imagine.overlap_of_change),
    "final_frames": (checks.final_frames, scenes.with_final_frames),
}
SLIPS = [(check, slip) for check, _ in EXERCISES.values() for slip in check.mistakes if slip.wrong]


def _library_load(recordings):
    video = imagine.load_video(recordings)
    return video.frames, video.told, video.episode_ends


@pytest.mark.parametrize("name", EXERCISES)
def test_the_library_passes_its_chapters_checks(name) -> None:
    check, function = EXERCISES[name]
    check(function or _library_load)


@pytest.mark.parametrize(("check", "slip"), SLIPS, ids=[f"{check.title}: {slip.name}" for check, slip in SLIPS])
def test_each_slip_is_refused_by_its_name(check, slip) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(slip.wrong)
    assert slip.message in str(caught.value)


@pytest.mark.parametrize("wrong", ["peeks", "goes through all", "in place"])
def test_a_loader_that_touches_what_it_should_not(wrong) -> None:
    def load(recordings):
        if wrong == "peeks":
            return film_checks._load(recordings, peek=True)
        if wrong == "in place":
            return film_checks._in_place(recordings)
        return _library_load([dict(recording.items()) for recording in recordings])

    message = "recording's own `last`" if wrong == "in place" else "The actions of a recording were read"
    with pytest.raises(CheckFailed, match=message):
        checks.load_video(load)


def test_constants_are_the_librarys() -> None:
    assert picture_checks.SCALE == imagine.SCALE
