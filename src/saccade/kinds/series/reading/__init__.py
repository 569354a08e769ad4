"""Series as files hold them: numbers and times read, gaps found and filled, labelled files brought to one length.

Windows, seasons and baselines of forecasts belong to ../forecasting.
"""
