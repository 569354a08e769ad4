"""Text as messages to a user show it."""


def printable(name: str) -> str:
    """A name on one line, for messages: what cannot be printed is escaped.

    >>> printable("two\\nlines.jpg")
    'two\\\\nlines.jpg'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
