"""From the record of a training to a verdict: rules, limits, remedies.

What is printed or drawn of it belongs to the application.
"""
