"""What dvc.yaml runs: fetch, preprocess, augment, train, evaluate.

Mathematics belongs to the library, other commands to commands/.
"""
