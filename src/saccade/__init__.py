"""saccade: CNNs and LSTMs as plain torch. ``saccade.load("models/lenet5-digits").predict(images)``."""

__version__ = "0.1.0"
