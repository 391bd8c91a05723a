"""BabyAI: levels of the real `minigrid` package, where the goal is a sentence; its bot's demonstrations.

Source: Chevalier-Boisvert et al. 2019, "BabyAI: A Platform to Study the Sample Efficiency of Grounded Language
Learning" (ICLR), and 2023, "Minigrid & Miniworld" (NeurIPS).
"""

from saw_edu.envs.babyai.bot import phrase, record
from saw_edu.envs.babyai.demonstrations import Demonstrations
from saw_edu.envs.babyai.worlds import ACTIONS, FEATURES, BabyAIVectorEnv, features, level_names, make_level, reader

__all__ = [
    "ACTIONS",
    "FEATURES",
    "BabyAIVectorEnv",
    "Demonstrations",
    "features",
    "level_names",
    "make_level",
    "phrase",
    "reader",
    "record",
]
