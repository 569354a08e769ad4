"""The stage train: settings, data and first weights; the loop; results.

Launching it in one or several processes belongs to launch/.
"""
