"""Texts, as ids of characters or words: tokenizer, vocabulary, checks, arrays, figures.

Networks over tokens are in nn/ and models/.
"""
