"""All numbers that decide what the doctor says of a training, with their reasons.

Healthy is what benchmarks/healthy_runs.py found in the recipes' own trainings, ill what benchmarks/ill_networks.py
found in networks that are ill on purpose; docs/doctor.md has both tables. Each limit lies between the two, further from
the healthy side: a false alarm costs more than an illness that is named an epoch later.
"""

# Of the constant loss (training_record.Record):
STANDS_STILL = 0.9  # the lowest of the last third of the epochs: ill networks 0.97 to 1.1, healthy ones below 0.7
HARDLY_LEARNS = 0.6  # the same, where the gradient over time is gone: a plain RNN learns what its last steps say
NEVER_BETTER = 0.97  # the best validation loss of all epochs: nothing was found that holds for new examples
ROSE = 0.05  # how far validation has risen from its best epoch: 0.01 at most in the healthy runs,
ROSE_TIMES = 1.2  # and times its best: where a loss is high anyway, noise is not little
BLEW_UP = 10.0  # a training loss: no step of the usual size leads there, so the rate is 100 times too high or more

# Of epochs:
FEWEST_EPOCHS = 3  # before them a loss that stands still says nothing: gated networks often wait for one or two
NO_LONGER_FALLS = 0.99  # the best loss of the later half by that of the first: what still falls there is only slow
JUMPED = 3.0  # a loss, times the lowest of an epoch before: healthy ones rise by less than 1.5 times

# Of layers:
GREW = 4.0  # the weights' norm by its first, in the middle layer: healthy 1.0 to 2.2, at 100 times the rate 8 to 10^6
USUAL_UPDATE = 0.05  # of the weights' norm in one update: the largest of a healthy run, by order of magnitude
LARGE_UPDATE = 0.3  # likewise: healthy 0.001 to 0.02, at Adam's first ones up to 0.1
TINY_UPDATE = 1e-5  # likewise: 1,000 updates in one direction would move the weights by a hundredth
LARGE_GRADIENT = 1.0  # norm of the whole gradient, when it stays above in the later half of the epochs, and has grown
GREW_GRADIENT = 1.5  # times the first epoch's
DEAD = 0.95  # share of a layer's units that are always 0: healthy 0 to 0.3, small layers up to 0.75
WORTH_A_NOTE = 0.5  # the same, in a network that learns: not ill, but larger than it needs to be
FADED = 1e-3  # gradient by weight, first third of the layers by the last third: healthy 0.05 to 50, 20 sigmoids 1e-12
FADED_OVER_TIME = (
    1e-5  # dL/dh_1 by dL/dh_T, in the median of the measured epochs: learnt 0.01 to 1, plain 1e-18 to 1e-9
)
REACHED = 1e-3  # dL/dh_t by dL/dh_T, for the sentence that says from which step on anything is learnt
