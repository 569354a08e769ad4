"""What an answer depends on: a map of the input for one class of one network, method by method.

What single units of a network answer to belongs to units/, and drawing to sheets/.
"""
