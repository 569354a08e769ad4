"""From arrays to batches on the device: samplers, length buckets, mixup.

What a batch is used for belongs to train/.
"""
