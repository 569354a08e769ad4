"""What an update is made of: losses, class weights, optimizers, schedules, averaged weights.

The loop that calls them belongs to train/.
"""
