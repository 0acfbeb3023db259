"""Plain folders of CSV: what is found out of files that say nothing, and what is told of it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from json2db_sync.errors import FileError
from json2db_sync.results.messages import LOUD
from json2db_sync.tabular.opening import open_package
from json2db_sync.tabular.options import NOTHING_SAID, ReadingOptions
from json2db_sync.tabular.packages import Package
from json2db_sync.tabular.tables import PackageTables


def opened(folder: Path, text: str | bytes, said: ReadingOptions = NOTHING_SAID, name: str = "t.csv") -> Package:
    """The package of a folder with one file."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_package(folder, said)


def types(package: Package) -> list[str]:
    (resource,) = package.resources
    return [one.type.declared for one in resource.columns]


def rows(package: Package, table: int = 0) -> list[tuple[str | None, ...]]:
    """In canonical text, as a transfer reads them."""
    resource = package.resources[table]
    batches = PackageTables(package).read(resource.table, resource.columns)
    return [row for batch in batches for row in zip(*batch, strict=True)]


def told(package: Package) -> list[str]:
    """Codes of notes but for what was detected."""
    return [note.code for note in package.notes if note.code != "csv_detected"]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-20", "9223372036854775807"], "bigint"),
        (["1", "9223372036854775808"], "numeric"),
        (["1.50", "-0.1", "3"], "numeric"),
        (["0.1234567890123456789012345678901234567890"], "numeric"),
        (["00123", "7"], "text"),
        (["+5", "6"], "text"),
        (["1e5", "2"], "text"),
        (["1,5", "2,75"], "text"),
        (["1 000"], "text"),
        (["true", "False", "TRUE"], "boolean"),
        (["0", "1"], "bigint"),
        (["2024-02-29", "1999-12-31"], "date"),
        (["2023-02-29"], "text"),
        (["01/02/2024"], "text"),
        (["2024-02-03T04:05:06", "2024-02-03 04:05:06.123"], "timestamp"),
        (["2024-02-03T04:05:06Z", "2024-02-03 04:05:06+02:00"], "timestamp with time zone"),
        (["2024-02-03T04:05:06Z", "2024-02-03 04:05:06"], "text"),
        (["6f0a0b1c-0000-4000-8000-000000000001"], "uuid"),
        (['{"a": 1.10}', "[]"], "json"),
        (["{", "[]"], "text"),
        (["Infinity", "1"], "text"),
        (["", ""], "text"),
    ],
)
def test_the_type_of_a_column_is_that_of_all_its_values(tmp_path: Path, values: list[str], type_: str) -> None:
    """Only what all values are, exactly; all else is text."""
    quoted = [f'"{value.replace(chr(34), chr(34) * 2)}"' if "," in value or '"' in value else value for value in values]
    package = opened(tmp_path, "n,value\n" + "".join(f"{at},{one}\n" for at, one in enumerate(quoted)))
    assert types(package) == ["bigint", type_]


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=9).map(lambda one: f"{one:f}"), min_size=1))
def test_numbers_keep_every_digit(values: list[str]) -> None:
    """No number goes through a float."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        package = opened(Path(folder), "id,v\n" + "".join(f"1,{one}\n" for one in values))
        assert [row[1] for row in rows(package)] == values


def test_exponents_of_programs_are_digits(tmp_path: Path) -> None:
    """1e-05, as programs write small numbers, is that number in digits."""
    assert rows(opened(tmp_path, "a,b\n1e-05,2\n1.5E+3,x\n")) == [("0.00001", "2"), ("1500", "x")]


def test_a_text_after_a_thousand_numbers_makes_a_text(tmp_path: Path) -> None:
    """All values are read; the line of the first that is no number is told, and each value stays as it was."""
    package = opened(tmp_path, "id,n\n" + "".join(f"{at},{at}\n" for at in range(1000)) + "1000,none\n1001,5\n")
    assert types(package) == ["bigint", "text"]
    (note,) = [note for note in package.notes if note.code == "mixed_column"]
    assert note == "t.n is text: 'none' in line 1,002 is no integer, as the 1,000 values before it"
    assert rows(package)[-2:] == [("1000", "none"), ("1001", "5")]


@pytest.mark.parametrize("spelled", ["NA", "NULL", r"\N", "nan"])
def test_spellings_of_null_are_texts_until_it_is_said(tmp_path: Path, spelled: str) -> None:
    """It is told, loudly, what the column would be; said to be missing, they are NULL and the rest numbers."""
    text = f"id,n\n1,5\n2,{spelled}\n3,\n"
    package = opened(tmp_path, text)
    assert (types(package), told(package)) == (["bigint", "text"], ["missing_unclear"])
    assert rows(package) == [("1", "5"), ("2", spelled), ("3", None)]
    package = opened(tmp_path, text, ReadingOptions(missing=(spelled,)))
    assert (types(package), told(package)) == (["bigint", "bigint"], [])
    assert rows(package) == [("1", "5"), ("2", None), ("3", None)]


def test_quotes_around_nothing_are_null_among_numbers_and_a_text_among_texts(tmp_path: Path) -> None:
    """A file in which everything is quoted has its numbers; that nothing is NULL there is told."""
    package = opened(tmp_path, '"id","n","s"\n"1","","a"\n"2","7",""\n"3","8",\n')
    assert (types(package), told(package)) == (["bigint", "bigint", "text"], ["empty_is_null"])
    assert rows(package) == [("1", None, "a"), ("2", "7", ""), ("3", "8", None)]


DELIMITED = [
    ("a;b\n1,5;2,75\n3;4\n", ";", []),
    ("a,b\n1;2,3\n4,5\n", ",", []),
    ("a\tb\n1,0\t2;0\n", "\t", []),
    ("a|b|c\n1|2|3\n", "|", []),
    ("a\n1\n2\n", ",", []),
    ("1,5;2,5\n1,5;2,5\n", ";", ["delimiter_unclear", "header_unclear"]),
    ("a,b\n1\n2,3,4\n1\n5,6\n", ",", ["delimiter_unclear"]),
]


@pytest.mark.parametrize(("text", "delimiter", "codes"), DELIMITED)
def test_the_delimiter_is_found(tmp_path: Path, text: str, delimiter: str, codes: list[str]) -> None:
    """The one by which most rows are as wide as each other; where others fit as well, that is told."""
    package = opened(tmp_path, text)
    assert package.resources[0].dialect.delimiter == delimiter
    assert [code for code in told(package) if code in LOUD] == codes


def test_a_spreadsheets_file_is_read(tmp_path: Path) -> None:
    """A byte order mark, semicolons and CRLF, as Excel writes them in half of Europe."""
    text = '\ufeffId;Straße;PLZ\r\n1;"Am ""Eck"";\r\n2";01067\r\n'
    package = opened(tmp_path, text.encode())
    assert [one.name for one in package.resources[0].columns] == ["Id", "Straße", "PLZ"]
    assert rows(package) == [("1", 'Am "Eck";\r\n2', "01067")]
    assert not {*told(package)} & LOUD


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    """By a mark at the beginning, or because all of it is UTF-8."""
    package = opened(tmp_path, "id,s\n1,Ωß\n".encode(encoding))
    assert (rows(package), told(package)) == ([("1", "Ωß")], [])


def test_what_is_not_utf_8_is_guessed_aloud(tmp_path: Path) -> None:
    """The line is told, how it reads, and the setting; said, there is nothing to tell."""
    data = "id,s\n1,a\n2,Müller\n".encode("cp1252")
    package = opened(tmp_path, data)
    assert (rows(package)[1], told(package)) == (("2", "Müller"), ["encoding_guessed"])
    note = next(note for note in package.notes if note.code == "encoding_guessed")
    assert "not UTF-8 in line 3" in note
    assert note.setting == "encoding"
    package = opened(tmp_path, data, ReadingOptions(encoding="iso8859-5"))
    assert (rows(package)[1], told(package)) == (("2", "Mќller"), [])


def test_what_is_no_encoding_that_is_guessed_is_refused(tmp_path: Path) -> None:
    """Bytes that the guess has no characters for are not replaced by others."""
    with pytest.raises(FileError, match="line 2: it is not UTF-8") as caught:
        opened(tmp_path, b"id,s\n1,\x81\x8d\n")
    assert (caught.value.reason, caught.value.context["setting"]) == ("invalid_encoding", "encoding")


HEADERS = [
    ("id,name\n1,a\n", ["id", "name"], []),
    ("name,city\nAnn,Rome\n", ["name", "city"], []),
    ("Ann B.,Rome!\nBob,Oslo\n", ["Ann B.", "Rome!"], ["header_unclear"]),
    ("1,a\n2,b\n", ["column_1", "column_2"], ["header_unclear"]),
    (",a,b\n0,x,1\n", ["column_1", "a", "b"], ["columns_renamed"]),
    ("id,\n1,2\n", ["column_1", "column_2"], ["header_unclear"]),
    ("id,name\n", ["id", "name"], []),
]


@pytest.mark.parametrize(("text", "names", "codes"), HEADERS)
def test_the_header_is_found(tmp_path: Path, text: str, names: list[str], codes: list[str]) -> None:
    """A first row of names is one; where it may be values, that is told."""
    package = opened(tmp_path, text)
    assert [one.name for one in package.resources[0].columns] == names
    assert told(package) == codes


def test_what_is_said_is_not_looked_for(tmp_path: Path) -> None:
    """Delimiter, quote and header as they are said; names that no table can have get others, and that is told."""
    package = opened(tmp_path, "1,a'x\n,b\n1,c\n", ReadingOptions(delimiter=",", header=True, quote=""))
    assert [one.name for one in package.resources[0].columns] == ["1", "a'x"]
    assert rows(package) == [(None, "b"), ("1", "c")]
    package = opened(tmp_path, "a,,A\n1,2,3\n", ReadingOptions(header=True))
    names = [one.name for one in package.resources[0].columns]
    assert (names[:2], names[2].startswith("A_")) == (["a", "column_2"], True)
    assert (told(package), rows(package)) == (["columns_renamed"], [("1", "2", "3")])


@pytest.mark.parametrize(
    ("text", "quote", "escape"),
    [('a\tb\n5" disk\tx\n3" disk\ty\n', None, None), ('a,b\n"x \\"y\\", z",1\n', '"', "\\")],
)
def test_quotes_are_found(tmp_path: Path, text: str, quote: str | None, escape: str | None) -> None:
    """Quotes that stand for inches, and quotes behind a backslash."""
    package = opened(tmp_path, text)
    dialect = package.resources[0].dialect
    assert (dialect.quote, dialect.escape) == (quote, escape)
    assert len(rows(package)) == text.count("\n") - 1
    assert ("quotes_unclear" in told(package)) == (quote is None)


def test_a_folder_is_a_table_for_each_file(tmp_path: Path) -> None:
    """Files of CSV, packed or not; hidden ones and others are none of it."""
    (tmp_path / "Some Cities.CSV").write_text("id\n1\n")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"id\tv\n1\t2\n"))
    for name in (".hidden.csv", "readme.md", "x.json"):
        (tmp_path / name).write_text("id\n1\n")
    (tmp_path / "folder.csv").mkdir()
    package = open_package(tmp_path)
    assert [(one.table.name, one.path.name) for one in package.resources] == [
        ("Some Cities", "Some Cities.CSV"), ("b", "b.tsv.gz"),
    ]  # fmt: skip
    assert rows(package, 1) == [("1", "2")]
    assert [one.table.name for one in open_package(tmp_path / "b.tsv.gz").resources] == ["b"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """A table has one file."""
    (tmp_path / "a.tsv").write_text("id\n1\n")
    with pytest.raises(FileError, match=r"a\.csv, a\.tsv would be one table, a") as caught:
        opened(tmp_path, "id\n1\n", name="a.csv")
    assert caught.value.reason == "name_taken_twice"


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_told(tmp_path: Path, text: str) -> None:
    """It has no columns."""
    with pytest.raises(FileError, match=r"t\.csv is empty") as caught:
        opened(tmp_path, text)
    assert caught.value.reason == "file_empty"


def test_hostile_files_are_refused(tmp_path: Path) -> None:
    """Nothing is waited for, no link is followed out of the folder, and no table has a million columns."""
    with pytest.raises(FileError, match="1,000,000 columns") as caught:
        opened(tmp_path, ",".join(f"c{at}" for at in range(1_000_000)) + "\n")
    assert caught.value.reason == "limit_exceeded"
    (tmp_path / "t.csv").unlink()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileError) as caught:
        open_package(tmp_path)
    assert caught.value.reason == "not_a_file"
    (tmp_path / "pipe.csv").unlink()
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    with pytest.raises(FileError) as caught:
        open_package(tmp_path)
    assert caught.value.reason == "link_leads_outside"


def test_a_folder_without_csv_is_told(tmp_path: Path) -> None:
    """So is one that is not there."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileError) as caught:
            open_package(folder)
        assert caught.value.reason == "no_package"
