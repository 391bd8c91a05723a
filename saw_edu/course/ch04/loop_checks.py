"""The check of chapter 4's loop: a walk along a line, and the slips that people make in it."""

from __future__ import annotations

from saw_edu.checks import Case, Check, Mistake
from saw_edu.course.ch04.line import at, every, play, slipping
from saw_edu.course.ch04.line import rollout as _rollout

rollout = Check(
    "rollout",
    [
        Case("7 steps, a subgoal every 3", run=play(7, every(3), 50), expect=play(7, every(3), 50)(_rollout)),
        Case(
            "the same subgoal twice",
            run=play(6, every(3), 50, same=True),
            expect=play(6, every(3), 50, same=True)(_rollout),
        ),
        Case("one subgoal for all", run=play(5, every(99), 50), expect=play(5, every(99), 50)(_rollout)),
        Case("patience ends first", run=play(99, every(4), 10), expect=play(99, every(4), 10)(_rollout)),
        Case("patience ends where a subgoal does", run=play(99, every(4), 8), expect=play(99, every(4), 8)(_rollout)),
        Case("the rule reads the place", run=play(9, at(2, 3, 7), 50), expect=play(9, at(2, 3, 7), 50)(_rollout)),
        Case(
            "the rule says yes at the start",
            run=play(5, at(0, 2), 50),
            expect=play(5, at(0, 2), 50)(_rollout),
        ),
    ],
    mistakes=[
        Mistake(
            "asks before the first step",
            "Where the rule says yes at once, your high level is asked twice before the first action. The rule is "
            "about a subgoal that was *held*: before the first step there is none to move on from.",
            wrong=slipping("asks before the first step"),
        ),
        Mistake(
            "every step",
            "The high level is asked at every step, whatever the rule says. That is n = 1.",
            wrong=slipping("every step"),
        ),
        Mistake(
            "clock not reset",
            "The first new subgoal comes in time, and from then on one comes at every step. What should `age` be after "
            "the high level was asked?",
            wrong=slipping("clock not reset"),
        ),
        Mistake(
            "a step late",
            "Each subgoal is held one step too long. When does a step count: before the rule is asked, or after?",
            wrong=slipping("a step late"),
        ),
        Mistake(
            "a step early",
            "Each subgoal is let go one step too soon. After the first action of a subgoal its age is 1, not 2.",
            wrong=slipping("a step early"),
        ),
        Mistake(
            "clock begins at 1",
            "The first subgoal is held as long as it should be, later ones a step too short. When the high level has "
            "been asked, no step was taken yet with its subgoal.",
            wrong=slipping("clock begins at 1"),
        ),
        Mistake(
            "different subgoals",
            "You count different subgoals. A high level that says the same again was asked again: that is a call, too.",
            wrong=slipping("different subgoals"),
        ),
        Mistake(
            "plans from the start",
            "The high level sees the first observation each time. It plans from where the agent is *now*.",
            wrong=slipping("plans from the start"),
        ),
        Mistake(
            "low level is blind",
            "The low level always sees the first observation. It acts at every step on what it sees at that step.",
            wrong=slipping("low level is blind"),
        ),
        Mistake(
            "does not stop",
            "The episode is finished when `step` says so. Yours goes on.",
            wrong=slipping("does not stop"),
        ),
        Mistake(
            "asks at the end",
            "There is one call too many, after the last action: whoever has finished needs no subgoal.",
            wrong=slipping("asks at the end"),
        ),
        Mistake(
            "asks after the last step",
            "The rule is asked after the last step, too, and then the high level, for a step that never comes.",
            wrong=slipping("asks after the last step"),
        ),
        Mistake(
            "asks when patience is over",
            "Where patience ends just as a subgoal does, there is one call too many, for a step that never comes.",
            wrong=slipping("asks when patience is over"),
        ),
        Mistake(
            "first call not counted",
            "The subgoals are right, and `calls` is one too low: planning the first subgoal is a call, too.",
            wrong=slipping("first call not counted"),
        ),
        Mistake(
            "first call only",
            "`calls` counts the first plan only. Count each time that the high level is asked.",
            wrong=slipping("first call only"),
        ),
    ],
)
