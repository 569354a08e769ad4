"""A grammar of lines that stand on Portuguese, Brazilian and English invoices; what it draws is invented.

Each rule is a function from a generator to a line. Names, streets and goods come from the lists below.
"""

from collections.abc import Callable, Sequence

import numpy as np

from saccade.lettering.alphabet import ASCII, CURRENCY, PORTUGUESE
from saccade.lettering.tax_numbers import draw_cnpj, draw_nif


def _listed(text: str, separator: str = "|") -> tuple[str, ...]:
    return tuple(text.split(separator))


LINE_CHARACTERS = ASCII + PORTUGUESE + CURRENCY + "º"

_GIVEN = _listed(
    "Ana João Maria António Inês Gonçalo Mariana Luís Conceição Tomás Beatriz André Sofia Tiago Joana Simão Leonor "
    "Vítor Cátia Rúben Mónica Sebastião Raúl Graça John Emily Oliver Grace Hannah James Zoe William Quentin Felix",
    " ",
)
_FAMILY = _listed(
    "Silva Santos Araújo Magalhães Conceição Guimarães Simões Falcão Esteves Mourão Lourenço Antunes Brandão Pacheco "
    "Quintão Xavier Teixeira Nóbrega Vilhena Órfão Smith Walker Hughes Bennett Cooper Young Knight Fox Kirby Wyatt",
    " ",
)
_FIRMS = _listed(
    "Papelaria Ferragens Padaria Oficina Livraria Farmácia Mercearia Gráfica Óptica Transportes Construções Confecções "
    "Electrónica Talho Quinta Adega Bakery Hardware Stationery Garage Books Pharmacy Printing Travel Tools Kitchens",
    " ",
)
_FORMS = ("Lda.", "S.A.", "Unipessoal Lda.", "Ltda.", "ME", "Ltd", "& Filhos, Lda.", "PLC", "& Co.", "Inc.")
_STREETS = _listed(
    "Rua das Flores|Rua do Açúcar|Avenida da República|Travessa da Água|Largo de São João|Praça do Comércio|"
    "Rua 5 de Outubro|Calçada do Combro|Estrada Nacional 10|Alameda dos Oceanos|Avenida Paulista|Rua Augusta|"
    "High Street|Station Road|Church Lane|Queen's Road|Victoria Avenue|Mill Lane|King Street|Park View"
)
_TOWNS = _listed(
    "Lisboa|Porto|Évora|Braga|Setúbal|Bragança|Faro|Guimarães|Aveiro|Viseu|São Paulo|Belo Horizonte|Curitiba|"
    "London|York|Bristol|Leeds|Exeter|Oxford"
)
_GOODS = _listed(
    "Café moído 250 g|Pão de forma|Leite meio-gordo 1 L|Água 6x1,5 L|Maçãs Royal Gala|Queijo da Serra|Sabão azul|"
    "Papel A4 80 g/m2|Tinteiro preto XL|Parafuso M6x20|Lâmpada LED 9 W|Mão de obra|Óleo 5W-30|Detergente loiça|"
    "Serviço técnico|Caneta azul|Ground coffee|Whole milk|Copy paper A4|Screws M4 (box)|Printer cartridge #21|"
    "Delivery charge|Labour, per hour|Batteries AA x4|Brown bread|Olive oil 75 cl|Consulting [day]|Zip bags 30x40"
)
_MONTHS_PT = _listed("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro", " ")
_MONTHS_EN = _listed("January February March April May June July August September October November December", " ")
_RATES = ("6", "13", "23", "20", "5", "18", "12")


def _one(random: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(random.integers(len(choices)))]


def _number(random: np.random.Generator, low: int, high: int) -> int:
    return int(random.integers(low, high))


def _plain_amount(random: np.random.Generator, *, comma: bool | None = None) -> str:
    """``1.234,56`` or ``1,234.56``; short ones are more frequent than long ones."""
    value = int(10 ** random.uniform(1.5, 7.3))  # hundredths
    text = f"{value / 100:,.2f}"
    if random.random() < 0.5 if comma is None else comma:
        text = text.translate(str.maketrans(",.", ".,"))
    return text


def amount(random: np.random.Generator) -> str:
    """An amount, mostly with its currency."""
    form = _one(random, ("{} €", "€ {}", "€{}", "{} EUR", "R$ {}", "${}", "£{}", "USD {}", "{}", "-{}"))
    comma = True if "R$" in form else False if "$" in form or "£" in form else None
    return form.format(_plain_amount(random, comma=comma))


def date(random: np.random.Generator) -> str:
    """A date in one of the usual forms, half of them behind a word."""
    day, month, year = _number(random, 1, 29), _number(random, 1, 13), _number(random, 1998, 2031)
    text = _one(
        random,
        [
            f"{day:02d}/{month:02d}/{year}",
            f"{day:02d}-{month:02d}-{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day:02d}.{month:02d}.{year % 100:02d}",
            f"{day} de {_MONTHS_PT[month - 1]} de {year}",
            f"{day} {_MONTHS_EN[month - 1]} {year}",
            f"{_MONTHS_EN[month - 1][:3]} {day}, {year}",
            f"{day:02d}/{month:02d}/{year % 100:02d} {_number(random, 0, 24):02d}:{_number(random, 0, 60):02d}",
        ],
    )
    return _one(random, ("", "", "Data: ", "Date: ", "Emitida em ", "Vencimento: ", "Due date: ", "Issued ")) + text


def tax_number(random: np.random.Generator) -> str:
    """A tax number with right check digits."""
    if random.random() < 0.3:
        return _one(random, ("CNPJ: ", "CNPJ ", "")) + draw_cnpj(random)
    nif = draw_nif(random)
    spaced = f"{nif[:3]} {nif[3:6]} {nif[6:]}"
    return _one(random, [f"NIF: {nif}", f"NIF {spaced}", f"Contribuinte nº {nif}", f"VAT No. PT{nif}", f"NIPC {nif}"])


def name(random: np.random.Generator) -> str:
    """A person, or a firm."""
    person = f"{_one(random, _GIVEN)} {_one(random, _FAMILY)}"
    firm = f"{_one(random, _FIRMS)} {_one(random, _FAMILY)}, {_one(random, _FORMS)}"
    text = _one(random, [person, firm, f"{person} {_one(random, _FAMILY)}", firm.upper()])
    return _one(random, ("", "", "", "Cliente: ", "Customer: ", "Exmo(a). Sr(a). ", "Sold to: ")) + text


def address(random: np.random.Generator) -> str:
    """A street with its number, or a town with its code."""
    street, town = _one(random, _STREETS), _one(random, _TOWNS)
    number = _number(random, 1, 400)
    return _one(
        random,
        [
            f"{street}, {number}",
            f"{street}, nº {number}, {_number(random, 1, 12)}º Dto.",
            f"{number} {street}, {town}",
            f"{_number(random, 1000, 9999)}-{_number(random, 0, 1000):03d} {town}",
            f"{_number(random, 1000, 99999):05d}-{_number(random, 0, 1000):03d} {town}",
            f"{town} {_one(random, ('SW', 'BS', 'YO', 'LS', 'EX'))}{_number(random, 1, 20)} {_number(random, 1, 10)}QJ",
        ],
    )


def item(random: np.random.Generator) -> str:
    """What was bought: how many, at what price, for how much."""
    goods, count = _one(random, _GOODS), _number(random, 1, 60)
    comma = random.random() < 0.5
    price, total = (_plain_amount(random, comma=comma) for _ in range(2))
    return _one(
        random,
        [
            f"{count} x {goods} {total}",
            f"{goods} {count} UN x {price} = {total}",
            f"{count} {goods} @ {price} {total}",
            f"{_number(random, 1000, 99999)} {goods}",
            f"{goods} {count},{_number(random, 0, 1000):03d} kg {total}",
            f"* {goods.upper()} {total}",
        ],
    )


def vat(random: np.random.Generator) -> str:
    """A line of value added tax."""
    rate, comma = _one(random, _RATES), random.random() < 0.5
    base, tax = (_plain_amount(random, comma=comma) for _ in range(2))
    return _one(
        random,
        [
            f"IVA {rate}% {tax}",
            f"IVA ({rate}%) s/ {base} = {tax}",
            f"Taxa {rate},00% Base {base} IVA {tax}",
            f"VAT @ {rate}% {tax}",
            f"VAT {rate}.0% on {base}: {tax}",
            f"Isento - artigo {_number(random, 1, 60)}º do CIVA",
        ],
    )


def total(random: np.random.Generator) -> str:
    """A total, or how it was paid."""
    words = _listed(
        "TOTAL|Total|Total a pagar:|TOTAL EUR|Subtotal|Troco|Desconto|Valor líquido|Multibanco|Numerário|Amount due:|"
        "GRAND TOTAL|Sub-total|Change|CASH|Balance due|Discount"
    )
    return f"{_one(random, words)} {amount(random)}"


def document(random: np.random.Generator) -> str:
    """The number of a document."""
    year, number = _number(random, 1998, 2031), _number(random, 1, 100_000)
    return _one(
        random,
        [
            f"Fatura FT {year}/{number}",
            f"Fatura-recibo nº FR {_one(random, ('A', 'B', 'M', 'W'))}{year}/{number}",
            f"Invoice No. INV-{number:06d}",
            f"Nota Fiscal {number:09d} Série {_number(random, 1, 9)}",
            f"Order #{number} / Ref. {_one(random, ('KX', 'JQ', 'ZW'))}-{_number(random, 10, 99)}",
            f"IBAN PT50 {_number(random, 1000, 9999)} {_number(random, 1000, 9999)} {_number(random, 10**10, 10**11)}",
            f"Tel. +351 2{_number(random, 10**7, 10**8)}",
            f"{_one(random, _FAMILY).lower()}_{number}@example.org".replace("ã", "a"),
            f"ATCUD: {_one(random, ('JFX', 'QKZ', 'CSD'))}{_number(random, 10**4, 10**5)}-{number}",
        ],
    )


RULES: dict[str, Callable[[np.random.Generator], str]] = {
    "name": name,
    "tax number": tax_number,
    "date": date,
    "amount": amount,
    "vat": vat,
    "total": total,
    "address": address,
    "item": item,
    "document": document,
}
"""Rules of the grammar by their names; each line is drawn from one of them, all as likely."""


def draw_invoice_line(random: np.random.Generator) -> tuple[str, str]:
    """A line and the rule it comes from."""
    rule = list(RULES)[int(random.integers(len(RULES)))]
    return RULES[rule](random), rule
