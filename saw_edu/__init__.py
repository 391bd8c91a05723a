"""saw-edu: hierarchy in imitation and reinforcement learning, from long horizons to SAW."""

__version__ = "0.1.0"
