"""What may leave the machine: the state of the git tree that is sent, secrets found, credentials masked.

Sending it belongs to tracking/.
"""
