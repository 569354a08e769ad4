"""What a network's answers say about its data: labels to doubt, where errors gather, what more would bring.

How good the network is stands in the files beside this folder.
"""
