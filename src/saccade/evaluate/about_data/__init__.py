"""What a network's answers say about its data: labels to doubt, where errors gather, what more would bring,
and which labels of another dataset are the same.

How good the network is stands in the files beside this folder.
"""
