"""What a network sees, drawn: one example and its maps, filters, activations, units, the mean of a class.

What is drawn is computed elsewhere; how figures look is decided in display/.
"""
