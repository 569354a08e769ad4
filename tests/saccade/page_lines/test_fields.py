"""Date, total and tax numbers: found where rules apply, and not otherwise."""

import pytest

from saccade.page_lines.fields import amounts, find_fields, is_cnpj, is_nif


def found(*rows: str | tuple[str, str]) -> dict[str, str]:
    lines = [
        (text, 0.9, row) for row, texts in enumerate(rows) for text in ([texts] if isinstance(texts, str) else texts)
    ]
    return {one.name: one.value for one in find_fields(lines)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DATE: 11/01/2019 14:20", "2019-01-11"),
        ("23-01-19", "2019-01-23"),
        ("2018-03-05", "2018-03-05"),
        ("05 MAR 2018", "2018-03-05"),
        ("5 de fevereiro de 2020", "2020-02-05"),
        ("31/06/2019", None),
        ("TEL 07-55 47360", None),
    ],
)
def test_a_date_exists(text: str, value: str | None) -> None:
    assert found(text).get("date") == value


def test_the_line_that_says_date_goes_first() -> None:
    assert found("PRINTED 01/02/2019", "DATE 31/01/2019")["date"] == "2019-01-31"


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([("TOTAL", "13,50")], "13.50"),
        ([("SUB TOTAL", "10,00"), ("TOTAL", "1.234,56"), ("TROCO", "5,00")], "1234.56"),
        ([("TOTAL", "9.00"), ("GRAND TOTAL :", "9.05"), ("TOTAL", "1.00")], "9.05"),
        (["GRAND TOTAL :", "20.00", "CASH"], "20.00"),
        ([("TOTAL GST", "0.60"), ("TOTAL QTY", "3.00")], None),
        ([("SUBTOTAL", "10.00")], None),
        (["TOTAL", "THANK YOU", "20.00"], None),
    ],
)
def test_a_total_is_the_amount_beside_its_word(rows: list, value: str | None) -> None:
    assert found(*rows).get("total") == value


def test_check_digits_decide_about_tax_numbers() -> None:
    assert is_nif("501964843")
    assert [digit for digit in "0123456789" if is_nif(f"50196484{digit}")] == ["3"]
    pairs = [f"{a}{b}" for a in range(10) for b in range(10) if is_cnpj(f"112223330001{a}{b}")]
    assert pairs == ["81"]
    assert found("NIF: 501 964 843")["tax_number"] == "501964843"
    assert found("CNPJ 11.222.333/0001-81")["tax_number"] == "11222333000181"
    assert found("GST ID : 002116837376")["tax_number"] == "002116837376"
    assert not found("CNPJ 11.222.333/0001-82", "NIF 501964842", "DOC 002116837376")


def test_amounts_are_whole() -> None:
    assert amounts("12.345.678,90")[0][0] == "12345678.90"
    assert not amounts("12.345")
    assert not amounts("10.01.2019")


def test_a_field_is_as_sure_as_its_lines() -> None:
    total, tax = find_fields([("TOTAL", 0.5, 0), ("7.00", 0.8, 0), ("NIF 501964843", 0.7, 1)])
    assert (total.line, total.confidence, total.text) == (1, 0.4, "7.00")
    assert (tax.line, tax.confidence, tax.kind) == (2, 0.7, "NIF")
    assert not find_fields([])
