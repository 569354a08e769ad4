"""Text for messages."""


def shown(name: str) -> str:
    """A name on one line, for messages: what cannot be printed is escaped.

    >>> shown("two\\nlines.jpg")
    'two\\\\nlines.jpg'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)
