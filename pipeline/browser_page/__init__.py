"""The page that runs an exported file in a browser: its template, what it is told of the network, and its folder.

The server that answers requests has a page of its own, in serving/.
"""
