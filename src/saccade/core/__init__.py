"""What every room may use: errors, atomic files, progress, registration by file name, device, seeds, processes.

Nothing that knows data, networks or training belongs here.
"""
