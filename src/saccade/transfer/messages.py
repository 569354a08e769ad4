"""What went wrong, and with what, in a few words."""


def short(error: Exception) -> str:
    """What an error says, on one line of 160 characters at most."""
    return " ".join(str(error).split())[:160] or type(error).__name__


def some(items: list[str], most: int) -> str:
    """The first of many, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
