"""The page of a run, and of all runs: what lies in reports/<run> as one HTML file that needs nothing beside itself.

Pages of datasets belong to report/; what is measured and drawn belongs to tasks/.
"""
