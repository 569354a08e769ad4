"""Print that is drawn: fonts, characters and lines on paper, tax numbers and what invoices say, seeded.

What spoils them belongs to augment/ and transforms/; which examples a dataset holds is said by its source in datasets/.
"""
