"""Text as messages to a user show it."""


def printable(name: str) -> str:
    """A name on one line, for messages: what cannot be printed is escaped.

    >>> printable("two\\nlines.jpg")
    'two\\\\nlines.jpg'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def pluralise(number: int, what: str) -> str:
    """A number and its noun, in the plural unless the number is one.

    >>> pluralise(1, "run"), pluralise(1200, "image")
    ('1 run', '1,200 images')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")
