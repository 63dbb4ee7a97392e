"""The reader alone: numbers and offsets of rows, quotes, and that one bad row costs only itself."""

from __future__ import annotations

import io

import pytest

from campaigns import csv_reader


def read(data: bytes, delimiter: str = ",", offset: int = 0, number: int = 0) -> list[csv_reader.Row]:
    return list(csv_reader.rows(io.BytesIO(data), delimiter=delimiter, offset=offset, number=number))


def test_an_unclosed_quote_costs_one_row() -> None:
    found = read(b'a@x,1\n"b@x,2\nc@x,3\nd@x,4\n')

    assert [row.cells[0] for row in found if not row.fault] == ["a@x", "c@x", "d@x"]
    assert [row.number for row in found if row.fault] == [2]


def test_two_unclosed_quotes_cost_two_rows() -> None:
    found = read(b'a@x,1\n"b@x,2\nc@x,3\n"d@x,4\ne@x,5\n')

    assert [row.cells[0] for row in found if not row.fault] == ["a@x", "c@x", "e@x"]
    assert [row.number for row in found if row.fault] == [2, 4]


def test_an_unclosed_quote_before_quoted_rows_costs_one_row() -> None:
    found = read(b'"a@x","1"\n"b@x","2\n"c@x","3"\n"d@x","say ""hi"""\n')

    assert [row.cells for row in found if not row.fault] == [["a@x", "1"], ["c@x", "3"], ["d@x", 'say "hi"']]
    assert [row.number for row in found if row.fault] == [2]


def test_inches_open_no_quote() -> None:
    found = read(b'a@x,5" screen\nb@x,4\nc@x,7" screen\n')

    assert [row.cells for row in found] == [["a@x", '5" screen'], ["b@x", "4"], ["c@x", '7" screen']]


def test_quotes_hold_delimiters_line_ends_and_quotes() -> None:
    assert read(b'"a,b","c\nd","e""f"\n')[0].cells == ["a,b", "c\nd", 'e"f']


@pytest.mark.parametrize("data", [b"a\n\nb\nc", b'a\n"x\ny"\nb\n', b'a\n"open\nb\nc\n'])
def test_reading_goes_on_from_every_row(data: bytes) -> None:
    whole = read(data)

    for index, row in enumerate(whole):
        assert read(data, offset=row.end_bytes, number=row.number) == whole[index + 1 :]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_cell_over_the_limit_is_refused(quote: bytes) -> None:
    found = read(quote + b"x" * (csv_reader.MAX_CELL + 1) + quote + b"\nb\n")

    assert "32 KiB" in found[0].fault
    assert found[1].cells == ["b"]


def test_any_line_end_and_any_cut_give_the_same_file() -> None:
    data = "\ufeffé,1\r\nb,2\rc,3\n".encode()

    for size in range(1, len(data) + 1):
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        assert b"".join(csv_reader.as_utf8(chunks, "utf-8")) == "é,1\nb,2\nc,3\n".encode()


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen(mark: str) -> None:
    text = mark.join(("email", "name", "town")) + "\n" + mark.join(("a@x.example", '"A, B; C"', "Oslo")) + "\n"

    found = csv_reader.detect_dialect(io.BytesIO(text.encode()))

    assert (found.delimiter, found.has_header, found.columns) == (mark, True, ("email", "name", "town"))


def test_equal_headings_are_told_apart() -> None:
    found = csv_reader.detect_dialect(io.BytesIO(b"email,tag,tag,\na@x.example,1,2,3\n"))

    assert found.columns == ("email", "tag", "tag (2)", "column 4")


def test_blank_files_are_refused_in_words() -> None:
    with pytest.raises(csv_reader.UnreadableFile, match="no rows"):
        csv_reader.detect_dialect(io.BytesIO(b"\n \n"))


def test_a_quote_that_is_never_closed_takes_no_more_memory_than_one_row_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_reader, "_MAX_ROW_BYTES", 40)
    held: list[int] = []
    real = csv_reader._first_line_alone

    def alone(taken: list[bytes], lines: csv_reader._Lines) -> tuple[list[str], str]:
        held.append(sum(map(len, taken)))
        return real(taken, lines)

    monkeypatch.setattr(csv_reader, "_first_line_alone", alone)

    found = read(b'"a@x,1\n' + b"b@x,2\n" * 100)

    assert (held, len(found)) == ([43], 101)


@pytest.mark.parametrize(("text", "encoding"), [
    ("email;Imię\nl@x.example;Łukasz\n", "cp1250"),
    ("a@x.example;Michał;Wąchock\n", "cp1250"),
    ("a@x.example;Józef;Gdańsk-Wrzeszcz;Źle zażółć\n", "cp1250"),
    ("a@x.example;Zoë;Gießen\n", "cp1252"),
    ("a@x.example;5 m³;£5 and £ 10\n", "cp1252"),
    ("a@x.example;¿Quién?;Mª José;1¾l\n", "cp1252"),
    ("a@x.example;Łukasz\n", "utf-8"),
])
def test_central_european_letters_are_told_from_western_signs(text: str, encoding: str) -> None:
    assert csv_reader.detect_encoding([text.encode(encoding)]) == encoding
