"""Hidden tests and mutants of chapter 9."""

from saw_edu.checks import Case, Check
from saw_edu.classroom import Mutant
from saw_edu.course.ch09 import checks as ch09

_THREE = [(40, 5), (12, 9), (70, 3)]
match_width = Check(
    "match_width",
    [
        Case("three nets", _THREE, 9_000, expect=ch09._match(_THREE, 9_000)),
        Case("exactly the budget", [(10, 4)], 565, expect=17),
    ],
    mistakes=ch09.match_width.mistakes,
)

think_then_act = Check(
    "think_then_act",
    [Case("thirty places", run=lambda f: ch09.asked(f, 7, 30), expect=ch09.asked(ch09._chain, 7, 30))],
)

chain_loss = Check(
    "chain_loss",
    [Case("a third net", run=lambda f: ch09.valued(f, 5), expect=ch09.valued(ch09._loss, 5))],
)

drop_thoughts = Check(
    "drop_thoughts",
    [
        Case("one in ten", run=lambda f: ch09.dropped(f, 0.1, 4), expect=ch09.wanted(0.1)),
        Case("nine in ten", run=lambda f: ch09.dropped(f, 0.9, 5), expect=ch09.wanted(0.9)),
    ],
)

MUTANTS = {
    "match-width": [
        Mutant("no biases", replace=("(inputs + 1) * width + (width + 1) * width + (width + 1) * outputs",
                                     "inputs * width + width * width + width * outputs")),
        Mutant("one too wide", replace=("return width", "return width + 1")),
    ],
    "think-then-act": [
        Mutant("asked once", replace=("torch.cat([both, phrases[thoughts]], 1)", "torch.cat([both, none], 1)")),
        Mutant("other thoughts", replace=("[:, : len(phrases)].argmax(1)", "[:, -len(phrases) :].argmax(1)")),
        Mutant("all outputs", replace=("[:, len(phrases) :].argmax(1)", ".argmax(1)")),
    ],
    "chain-loss": [
        Mutant("the thought gives itself away", replace=("net(torch.cat([both, none], 1))", "net(torch.cat([both, phrases[thoughts]], 1))")),
        Mutant("never told", replace=("torch.cat([both, phrases[thoughts]], 1)", "torch.cat([both, none], 1)")),
        Mutant("actions only", replace=("F.cross_entropy(thought_logits, thoughts) + ", "")),
    ],
    "drop-thoughts": [
        Mutant("single numbers", replace=("len(words), 1,", "*words.shape,")),
        Mutant("kept for dropped", replace=(">= probability", "< probability")),
        Mutant("scaled up", replace=("words * kept", "words * kept / (1 - probability)")),
    ],
}  # fmt: skip
ALTERNATIVES = {
    "match-width": [
        """
def match_width(shapes, budget):
    best = 0
    for width in range(1, 2000):
        total = 0
        for inputs, outputs in shapes:
            total += inputs * width + width + width * width + width + width * outputs + outputs
        if total <= budget:
            best = width
    return best
"""
    ],
    "think-then-act": [
        """
def think_then_act(net, observations, goals, phrases):
    count = phrases.shape[0]
    empty = phrases.new_zeros(observations.shape[0], phrases.shape[1])
    first = net(torch.hstack([observations, goals, empty]))
    thoughts = torch.max(first[:, 0:count], dim=1).indices
    second = net(torch.hstack([observations, goals, phrases[thoughts]]))
    return thoughts, torch.max(second[:, count:], dim=1).indices
"""
    ],
    "chain-loss": [
        """
def chain_loss(net, observations, goals, thoughts, actions, phrases):
    count = len(phrases)
    empty = torch.zeros_like(phrases[thoughts])
    first = net(torch.hstack([observations, goals, empty]))[:, :count].log_softmax(-1)
    second = net(torch.hstack([observations, goals, phrases[thoughts]]))[:, count:].log_softmax(-1)
    rows = torch.arange(len(thoughts))
    return -(first[rows, thoughts] + second[rows, actions]).mean()
"""
    ],
    "drop-thoughts": [
        """
def drop_thoughts(words, probability, generator):
    words = words.clone()
    words[torch.rand(len(words), generator=generator) < probability] = 0
    return words
"""
    ],
}
