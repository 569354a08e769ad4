"""What single units answer to: filters of the first layer, maps of each layer, the patches that excite a unit most.

Maps of a whole answer belong to attribution/.
"""
