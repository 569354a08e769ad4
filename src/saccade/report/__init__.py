"""The report of a dataset: what is on the page, and how it becomes HTML and Markdown."""
