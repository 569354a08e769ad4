"""What is looked for in a dataset of pictures before it is split."""
