"""TinyPacking: a small flat with a locked door and a long errand, its expert and its language."""

from saw_edu.envs.packing import expert, language, rules
from saw_edu.envs.packing.world import TinyPacking

__all__ = ["TinyPacking", "expert", "language", "rules"]
