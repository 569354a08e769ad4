"""The commands as users type them: options, help and the call of what does the work. Heavy imports live inside them.

What a command does belongs to stages/, launch/ or commands/.
"""

# Each registers its commands, in this order.
# isort: off
from pipeline.cli import settings, data, training, results, export, registering, serving, describe, upkeep


# isort: on
from pipeline.cli.app import app

__all__ = ["app", "data", "describe", "export", "registering", "results", "serving", "settings", "training", "upkeep"]
