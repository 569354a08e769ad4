"""Series of numbers: times, gaps, windows, labelled files, forecasts and their baselines.

Networks over series are in nn/ and models/.
"""
