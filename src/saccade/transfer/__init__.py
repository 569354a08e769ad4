"""Going on from weights that were learnt elsewhere: found, read, put in; held, slowed down, or used for embeddings.

Writing weights of our own belongs to bundle/, training to train/.
"""
