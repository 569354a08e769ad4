"""What answers are worth: metrics of classes, numbers and tokens; labels of one dataset in the order of another.

Plain arrays alone: how a network answers belongs to predict/, what a task shows of the metrics to tasks/.
"""
