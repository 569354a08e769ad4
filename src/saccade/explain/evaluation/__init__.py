"""What an evaluation shows of what its network sees: its mistakes explained, within a share of the evaluation's work.

How methods work belongs to attribution/ and sequences/; the section of the page to run_page/.
"""
