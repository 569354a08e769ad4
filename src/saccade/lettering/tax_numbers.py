"""Tax numbers with right check digits: Portugal's NIF, Brazil's CNPJ, and Portugal's VAT number.

Source: the rules that Autoridade Tributaria (Decreto-Lei 14/2013) and Receita Federal (Instrucao Normativa 2119/2022,
numbers of digits alone) give: weighted sums, modulo 11.
"""

import numpy as np

_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def nif_check_digit(digits: str) -> int:
    """The ninth digit of a NIF.

    >>> nif_check_digit("50082999"), nif_check_digit("12345678")
    (3, 9)
    """
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True)) % 11
    return 0 if rest > 9 else rest


def cnpj_check_digits(digits: str) -> str:
    """The last two of the 14 digits of a CNPJ.

    >>> cnpj_check_digits("000000000001"), cnpj_check_digits("112223330001")
    ('91', '81')
    """
    for weights in (_CNPJ_WEIGHTS[1:], _CNPJ_WEIGHTS):
        rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        digits += str(0 if rest < 2 else 11 - rest)
    return digits[-2:]


def draw_nif(random: np.random.Generator) -> str:
    """Nine digits of a person (1, 2) or a company (5), the last one right."""
    digits = str(random.choice(["1", "2", "5"])) + "".join(map(str, random.integers(0, 10, 7)))
    return digits + str(nif_check_digit(digits))


def draw_cnpj(random: np.random.Generator) -> str:
    """A CNPJ as it is printed, 12.345.678/0001-95, the last two digits right."""
    digits = "".join(map(str, random.integers(0, 10, 8))) + f"{random.integers(1, 4):04d}"
    digits += cnpj_check_digits(digits)
    return f"{digits[:2]}.{digits[2:5]}.{digits[5:8]}/{digits[8:12]}-{digits[12:]}"
