"""Texts that are read from lines: decoding with and without a language model, and how far what was read is off.

Networks that give the logits belong to models/, words on any command line to pipeline/.
"""
