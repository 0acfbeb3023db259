"""Writes benchmark data: the same bytes for the same seed, on every machine, and no dependency.

    python benchmarks/generate.py accounting S M           two folders under /tmp/json2db-bench/data
    python benchmarks/generate.py flat M --format ndjson --gz
    python benchmarks/generate.py accounting M --change 5  the same data with 5 % of its records changed

`accounting` is invoices with 1 to 10 line items, `flat` is events without lists, `tiny` is records of 60 bytes (the
most keys for the size). `nested` is accounting with its line items as `lines.data`, `offsets` is flat with moments
whose offset and fraction change. Sizes: S 24 MB, M 236 MB, L 1 GB, XL 2.2 GB, and XS for a try. Beside each folder
stands a `.summary.json` that says what a correct result holds: records, line items, and the sum of an amount in both.
A folder whose summary is there is not made again.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import IO, Any

DATA = Path("/tmp/json2db-bench/data")
MB = 2**20
LAYOUTS = ("array", "ndjson", "envelope")
BATCH = 256
"""Records written at a time."""

Record = dict[str, Any]

TEXT = (
    "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna "
    "aliqua enim minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat Straße "
    "Zoë naïve Łódź 名前 “quoted” a/b 50% it's\ttab"
)
WORDS = TEXT.split(" ")
CITIES = ("Berlin", "Kraków", "Zürich", "São Paulo", "Pune", "Austin", "Leeds", "Malmö")
COUNTRIES = ("Germany", "Poland", "Switzerland", "Brazil", "India", "U.S.A.", "U.K.", "Sweden")
STATUSES = ("paid", "paid", "paid", "sent", "overdue", "partially_paid", "draft", "void")
CURRENCIES = ("EUR", "EUR", "USD", "GBP", "INR")
UNITS = ("pcs", "h", "kg", "")
FIRST_DAY = date(2022, 1, 1)
DAYS = [(FIRST_DAY + timedelta(days)).isoformat() for days in range(1500)]
PAGES = ("/", "/pricing", "/docs/start", "/docs/tables", "/login", "/orders", "/orders/new", "/account")
KINDS = ("view", "view", "view", "click", "search", "order", "error")


def sentences(chance: Random, count: int, words: int) -> list[str]:
    """Texts to choose from: choosing is faster than composing."""
    one = chance.random
    return [" ".join(WORDS[int(one() * len(WORDS))] for _ in range(words)) for _ in range(count)]


def accounting(seed: int) -> Iterator[Record]:
    """Invoices of about 3.1 KB: some 30 fields, two nested objects, a list of scalars, 1 to 10 line items.

    Keys are texts of digits, customer numbers have leading zeros, some fields are empty, null or absent.
    """
    chance = Random(seed)
    one = chance.random
    notes, texts, names = sentences(chance, 997, 7), sentences(chance, 1999, 6), sentences(chance, 4999, 3)
    number = item_number = 0
    while True:
        number += 1
        day = int(one() * 1400)
        customer = int(one() * 9000)
        status = STATUSES[int(one() * 8)]
        clock = f"{int(one() * 24):02d}:{int(one() * 60):02d}:{int(one() * 60):02d}"
        items = []
        sub_total = 0
        for _ in range(1 + int(one() * 10)):
            item_number += 1
            article = int(one() * 4999)
            quantity = 1 + int(one() * 20)
            cents = 100 + int(one() * 50_000)
            sub_total += cents * quantity
            item = {
                "line_item_id": f"4600001{item_number:012d}",
                "item_id": f"4600002{article:012d}",
                "sku": f"{article:06d}",
                "name": names[article],
                "description": texts[int(one() * 1999)],
                "quantity": quantity,
                "unit": UNITS[int(one() * 4)],
                "rate": cents / 100,
                "tax_id": "460000300000000019" if one() < 0.8 else None,
                "tax_percentage": 19 if one() < 0.8 else 7.5,
                "item_total": cents * quantity / 100,
                "is_taxable": one() < 0.8,
            }
            if one() < 0.1:
                item["discount"] = int(one() * 15)
            items.append(item)
        tax = sub_total * 19 // 100
        total = sub_total + tax
        balance = 0 if status in ("paid", "void") else total // 2 if status == "partially_paid" else total
        place = customer % 8
        contact = names[customer % 4999]
        address = {
            "address": f"{1 + customer % 200} {texts[customer % 1999]}",
            "street2": "",
            "city": CITIES[place],
            "zip": f"{customer * 11 % 100_000:05d}",
            "country": COUNTRIES[place],
            "phone": f"+49 30 {customer * 7919 % 10_000_000:07d}",
        }
        record = {
            "invoice_id": f"4600000{number:012d}",
            "invoice_number": f"INV-{number:07d}",
            "reference_number": f"PO-{int(one() * 99_999)}" if one() < 0.4 else "",
            "date": DAYS[day],
            "due_date": DAYS[day + 30],
            "last_payment_date": DAYS[day + 20] if status == "paid" else "",
            "created_time": f"{DAYS[day]}T{clock}Z",
            "last_modified_time": f"{DAYS[day + 21]}T{clock}Z",
            "status": status,
            "customer_id": f"4600003{customer:012d}",
            "customer_number": f"{customer:06d}",
            "customer_name": contact,
            "email": f"accounts.{customer}@example.com",
            "currency_code": CURRENCIES[customer % 5],
            "exchange_rate": 1.0 if customer % 5 < 2 else round(0.5 + one(), 6),
            "payment_terms": 30,
            "payment_terms_label": "Net 30",
            "is_emailed": one() < 0.7,
            "is_viewed_by_client": one() < 0.4,
            "is_discount_before_tax": True,
            "discount": 0,
            "sub_total": sub_total / 100,
            "tax_total": tax / 100,
            "total": total / 100,
            "balance": balance / 100,
            "write_off_amount": 0,
            "salesperson_name": None if one() < 0.5 else names[int(one() * 40)],
            "template_id": "460000400000000001",
            "notes": notes[int(one() * 997)],
            "terms": notes[customer % 17],
            "billing_address": address,
            "shipping_address": {**address, "attention": "" if customer % 3 else contact},
            "custom_fields": [] if one() < 0.5 else [CITIES[int(one() * 8)], int(one() * 100), one() < 0.5],
            "line_items": items,
        }
        if status == "void":
            record["void_reason"] = texts[int(one() * 1999)]
        yield record


def change_invoice(record: Record, one: Callable[[], float]) -> None:
    record["status"] = "void" if record["status"] == "paid" else "paid"
    record["last_modified_time"] = "2026-03-01T08:00:00Z"
    record["total"] = (round(record["total"] * 100) + 100) / 100
    if one() < 0.5:
        item = record["line_items"][int(one() * len(record["line_items"]))]
        item["item_total"] = (round(item["item_total"] * 100) + 100) / 100


def flat(seed: int) -> Iterator[Record]:
    """Events of about 220 bytes: ten fields, integer keys, nothing nested."""
    one = Random(seed).random
    number = 0
    while True:
        number += 1
        clock = f"{int(one() * 24):02d}:{int(one() * 60):02d}:{int(one() * 60):02d}.{int(one() * 1000):03d}"
        yield {
            "id": number,
            "time": f"{DAYS[int(one() * 1500)]}T{clock}Z",
            "kind": KINDS[int(one() * 7)],
            "user_id": int(one() * 200_000),
            "session": f"{int(one() * 2**52):013x}",
            "page": PAGES[int(one() * 8)],
            "referrer": None if one() < 0.3 else "https://example.com" + PAGES[int(one() * 8)],
            "amount": int(one() * 100_000) / 100,
            "duration_ms": int(one() * 20_000),
            "ok": one() < 0.97,
        }


def nested(seed: int) -> Iterator[Record]:
    """The invoices of `accounting`, each list of line items inside an object, as APIs with pages send them."""
    for record in accounting(seed):
        items = record.pop("line_items")
        record["lines"] = {"object": "list", "has_more": False, "total_count": len(items), "data": items}
        yield record


def change_nested(record: Record, one: Callable[[], float]) -> None:
    record["line_items"] = record["lines"]["data"]
    change_invoice(record, one)
    del record["line_items"]


def offsets(seed: int) -> Iterator[Record]:
    """The events of `flat`, at offsets that go with the season, with fractions that come and go."""
    for record in flat(seed):
        number, time = record["id"], record["time"]
        clock = time[:19] if number % 3 == 0 else time[:-1] + "000" * (number % 2)
        record["time"] = clock + ("+02:00" if "04" <= time[5:7] <= "10" else "+01:00" if number % 7 else "Z")
        yield record


def change_event(record: Record, _one: Callable[[], float]) -> None:
    record["amount"] = (round(record["amount"] * 100) + 100) / 100
    record["ok"] = not record["ok"]


def tiny(seed: int) -> Iterator[Record]:
    """Records of about 60 bytes."""
    one = Random(seed).random
    number = 0
    while True:
        number += 1
        yield {"id": number, "name": f"n{int(one() * 10**6)}", "value": int(one() * 1000)}


def change_value(record: Record, _one: Callable[[], float]) -> None:
    record["value"] += 1000


@dataclass(frozen=True)
class Shape:
    """What kind of records, and where their amounts are."""

    entity: str
    records: Callable[[int], Iterator[Record]]
    change: Callable[[Record, Callable[[], float]], None]
    counts: dict[str, int]
    """Records of each size."""
    amount: str
    children: str = ""
    """Where the list is that becomes a table, dotted; empty if there is none."""
    child_amount: str = ""

    def items(self, record: Record) -> list[Record]:
        """That list of a record."""
        found: Any = record
        for key in self.children.split("."):
            found = found[key]
        return list(found)


SHAPES = {
    "accounting": Shape(
        *("invoices", accounting, change_invoice),
        counts={"XS": 500, "S": 7_700, "M": 76_000, "L": 330_000, "XL": 720_000},
        amount="total",
        children="line_items",
        child_amount="item_total",
    ),
    "flat": Shape(
        *("events", flat, change_event),
        counts={"XS": 6_000, "S": 107_000, "M": 1_070_000, "L": 4_600_000, "XL": 10_000_000},
        amount="amount",
    ),
    "nested": Shape(
        *("invoices", nested, change_nested),
        counts={"XS": 500, "S": 7_700, "M": 76_000, "L": 330_000, "XL": 720_000},
        amount="total",
        children="lines.data",
        child_amount="item_total",
    ),
    "offsets": Shape(
        *("events", offsets, change_event),
        counts={"XS": 6_000, "S": 107_000, "M": 1_070_000, "L": 4_600_000, "XL": 10_000_000},
        amount="amount",
    ),
    "tiny": Shape(
        *("values", tiny, change_value),
        counts={"XS": 20_000, "S": 480_000, "M": 4_700_000, "L": 20_000_000, "XL": 43_000_000},
        amount="value",
    ),
}


@dataclass
class Summary:
    """What was written, and what a correct result therefore holds. Amounts are in cents."""

    shape: str
    file: str
    size: str = ""
    seed: int = 1
    layout: str = "array"
    records: int = 0
    children: int = 0
    amount: int = 0
    child_amount: int = 0
    changed: int = 0
    bytes: int = 0
    """Unpacked."""


def write(
    file: IO[bytes],
    summary: Summary,
    *,
    count: int | None = None,
    size: int | None = None,
    indent: int | None = None,
    change: float = 0,
) -> Summary:
    """Write `count` records, or as many as make `size` bytes; the summary gets the figures."""
    shape = SHAPES[summary.shape]
    encode = json.JSONEncoder(ensure_ascii=False, indent=indent).encode
    changing = Random(f"change {summary.seed}").random
    lines = summary.layout == "ndjson"
    between = b"\n" if lines else b",\n"
    before, after = {
        "array": (b"[\n", b"\n]\n"),
        "ndjson": (b"", b"\n"),
        "envelope": (
            f'{{"code": 0, "message": "success", "{shape.entity}": [\n'.encode(),
            b'\n], "page_context": {"page": 1, "has_more_page": false}}\n',
        ),
    }[summary.layout]
    batch: list[str] = []
    summary.bytes += file.write(before)
    for record in shape.records(summary.seed):
        if change and changing() * 100 < change:
            shape.change(record, changing)
            summary.changed += 1
        summary.records += 1
        summary.amount += round(record[shape.amount] * 100)
        if shape.children:
            items = shape.items(record)
            summary.children += len(items)
            summary.child_amount += sum([round(item[shape.child_amount] * 100) for item in items])
        batch.append(encode(record))
        if len(batch) == BATCH or summary.records == count:
            text = between.decode().join(batch).encode()
            summary.bytes += file.write(text)
            batch.clear()
            if summary.records == count or (size is not None and summary.bytes >= size):
                break
            summary.bytes += file.write(between)
    summary.bytes += file.write(after)
    return summary


def open_to_write(path: Path) -> IO[bytes]:
    """A file, packed if its name says so; packed bytes hold neither name nor time, so they are reproducible."""
    if path.suffix != ".gz":
        return path.open("wb", buffering=MB)
    raw = path.open("wb")
    packed = gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0)
    packed.myfileobj = raw  # type: ignore[assignment]  # it is closed with the packed one
    return io.BufferedWriter(packed, MB)


def file_name(shape: str, layout: str = "array", packed: bool = False) -> str:
    return SHAPES[shape].entity + (".ndjson" if layout == "ndjson" else ".json") + (".gz" if packed else "")


def make(
    shape: str,
    size: str,
    into: Path = DATA,
    *,
    layout: str = "array",
    indent: int | None = None,
    packed: bool = False,
    change: float = 0,
    seed: int = 1,
) -> tuple[Path, Summary]:
    """Make the folder of one data set unless it is there; returns it and what it holds."""
    parts = [shape, size, "" if layout == "array" else layout, f"indent{indent}" if indent is not None else ""]
    parts += ["gz" if packed else "", f"changed{change:g}" if change else "", f"seed{seed}" if seed != 1 else ""]
    folder = into / "-".join(filter(None, parts))
    said = folder.with_name(folder.name + ".summary.json")
    if said.exists():
        return folder, Summary(**json.loads(said.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(shape, layout, packed)
    summary = Summary(shape, path.name, size, seed, layout)
    with open_to_write(path) as file:
        write(file, summary, count=SHAPES[shape].counts[size], indent=indent, change=change)
    said.write_text(json.dumps(asdict(summary), indent=2) + "\n")
    return folder, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("size", nargs="+", choices=SHAPES["flat"].counts)
    parser.add_argument("--into", type=Path, default=DATA, help=f"where the folder is made ({DATA})")
    parser.add_argument("--format", choices=LAYOUTS, default="array")
    parser.add_argument("--indent", type=int, help="spaces; slower to make and larger")
    parser.add_argument("--gz", action="store_true", help="pack the file")
    parser.add_argument("--change", type=float, default=0, metavar="PERCENT", help="records that differ")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for size in options.size:
        started = time.monotonic()
        folder, summary = make(
            options.shape,
            size,
            options.into,
            layout=options.format,
            indent=options.indent,
            packed=options.gz,
            change=options.change,
            seed=options.seed,
        )
        print(
            f"{folder / summary.file}: {summary.records:,} records, {summary.children:,} line items, "
            f"{summary.bytes / 1e6:,.0f} MB, {summary.changed:,} changed ({time.monotonic() - started:.1f} s)"
        )


if __name__ == "__main__":
    main()
