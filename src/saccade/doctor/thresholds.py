"""All numbers that decide what the doctor says of a training, with their reasons.

Healthy is what benchmarks/healthy_runs.py found in the recipes' own trainings, ill what benchmarks/ill_networks.py
found in networks that are ill on purpose; docs/doctor.md has both tables. Each limit lies between the two. Most rules
also ask that nothing is learnt, so a healthy training may pass a limit of the layers without an alarm.
"""

# Of the constant loss (training_record.Record):
STANDS_STILL = 0.9  # the lowest of the last third of the epochs: ill networks 0.96 to 1.04, healthy ones below 0.6
HARDLY_LEARNS = 0.6  # the same, where the gradient over time is gone: a plain RNN learns what its last steps say
NEVER_BETTER = 0.97  # the best validation loss of all epochs: shuffled labels 1.00, healthy below 0.8
ROSE = 0.05  # how far validation has risen from its best epoch: healthy 0 to 0.02, and 0.1 of 300 film reviews,
ROSE_TIMES = 1.2  # and times its best, which it was 1.13 times there: where a loss is high anyway, noise is not little
BLEW_UP = 10.0  # a training loss: no step of the usual size leads there, so the rate is 100 times too high or more

# Of the constant loss, with weighed classes and after the first third of the epochs (noisy digits of five classes, 5 to
# 150 examples each, inverse weights):
SWINGS = 0.1  # the median step of the validation loss: ill 0.11 to 0.50, healthy 0.01 to 0.21
CONSTANT_IS_NO_WORSE = 0.5  # share of epochs above the constant loss: ill 0.5 to 1, healthy 0 to 0.25 where it steps

# Of epochs:
MIN_EPOCHS_OF_SWINGS = 12  # a healthy one was seen to swing for 10, on its way down
MIN_EPOCHS = 3  # before them a loss that stands still says nothing: gated networks often wait for one or two
NO_LONGER_FALLS = 0.99  # the best loss of the later half by that of the first: what still falls there is only slow
JUMPED = 3.0  # a loss, times the lowest of an epoch before: healthy 1 to 2.2, 5.9 at a hundredth of the constant one

# Of layers:
GREW = 4.0  # the weights' norm by its first, in the middle layer: healthy 1.1 to 2.7, at 100 times the rate 33 to 36
USUAL_UPDATE = 0.05  # of the weights' norm in one update: the largest of a healthy run, by order of magnitude
LARGE_UPDATE = 0.3  # the same: healthy 0.009 to 0.13, and 0.26 of eight units at a rate of 0.05; 100 times the rate: 8
TINY_UPDATE = 1e-5  # the same: 1,000 updates in one direction would move the weights by a hundredth
LARGE_GRADIENT = 1.0  # norm of the whole gradient, when it stays above in the later half of the epochs, and has grown
GREW_GRADIENT = 1.5  # times the first epoch's
DEAD = 0.95  # share of a layer's units that are always 0: healthy 0 to 0.33, shuffled labels 0.5 to 0.8, ill 1
WORTH_A_NOTE = 0.5  # the same, in a network that learns: not ill, but larger than it needs to be
FADED = 1e-3  # gradient by weight, first third of the layers by the last third: healthy 0.002 to 3, 20 sigmoids 3e-12
FADED_OVER_TIME = 1e-7  # dL/dh_1 by dL/dh_T, median of the measured epochs: healthy 5e-6 to 2, plain RNN 0 to 3e-9
REACHED = 1e-3  # dL/dh_t by dL/dh_T, for the sentence that says from which step on anything is learnt
