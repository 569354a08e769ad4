"""What only a series to forecast needs: windows, seasons, baselines.

Reading and checking a series belongs to the folder above, drawing to page/ and figures.py.
"""
