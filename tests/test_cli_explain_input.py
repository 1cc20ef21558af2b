"""``kmvalidate explain``: what is taken for a token on standard input, and that no part of it is ever printed."""

import io
import json

import pytest

from kmvalidate.cli import main
from tests.piping import Command, good, leaks, pinned


@pytest.fixture
def run(monkeypatch, capsys):
    return Command(monkeypatch, capsys)


@pytest.fixture
def ours(tmp_path):
    return pinned(tmp_path)


@pytest.mark.parametrize(
    "text", ["{}", "  {}\r\n", "Bearer {}", "bearer   {}\n", "\n\tBEARER\t{}\n\n", "\ufeff{}"], ids=ascii
)
def test_the_token_may_come_with_its_scheme(text, ours, run):
    """White space around a token, the word Bearer and a byte order mark are no part of it."""
    assert run(text.format(good()), *ours).code == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no token"),
        (b" \n\t\n", "no token"),
        (b"Bearer \n", "no token"),
        (b"first-line-of-it\nsecond-line-of-it\n", "several lines"),
        (b"sixteen-characters\xff\xfe", "not UTF-8"),
        (b"\xff\xfee\x00y\x00", "not UTF-8"),
        (b"sixteen-characters" * 60_000, "more than 100000 bytes"),
    ],
    ids=["nothing", "white space", "Bearer alone", "two lines", "Latin-1", "UTF-16", "a megabyte"],
)
def test_no_token_on_standard_input_is_wrong_use(raw, words, ours, run):
    """Anything but one line of text ends with 2 and one line that repeats nothing of it."""
    ran = run(raw, *ours)
    assert (ran.code, ran.out, ran.err.count("\n"), words in ran.err) == (2, "", 1, True), ran.err


def test_two_words_are_a_malformed_token(ours, run):
    """A line with white space inside is explained as the token that it is not."""
    assert json.loads(run("two words", *ours, "--json").out)["reason"] == "MALFORMED_TOKEN"


class Broken(io.BytesIO):
    """A standard input that cannot be read."""

    def read(self, *_):
        raise OSError


class Terminal(io.BytesIO):
    """A standard input where somebody types."""

    def isatty(self):
        return True


def test_a_person_is_told_to_paste(ours, run):
    """Where a terminal is read from, a line on stderr says what it waits for."""
    ran = run(Terminal(good().encode()), *ours)
    assert (ran.code, ran.err.startswith("Paste the token")) == (0, True)


@pytest.mark.parametrize(("stream", "trouble"), [(None, "has no token"), (Broken(), "cannot be read")])
def test_standard_input_that_is_not_there_is_wrong_use(stream, trouble, ours, run):
    """Standard input that is closed has no token, and one that cannot be read is said to be so."""
    assert run(stream, *ours) == (2, "", f"kmvalidate: standard input {trouble}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "TOKEN"),
        ("explain", "--config", "a:b", "TOKEN"),
        ("explain", "--json", "TOKEN"),
        ("explain", "--token", "TOKEN"),
        ("explain", "--token=TOKEN"),
        ("explain", "--json=TOKEN"),
        ("discover", "https://idp.example", "TOKEN"),
        ("TOKEN",),
    ],
    ids=" ".join,
)
def test_a_token_on_the_command_line_is_not_repeated(arguments, capsys):
    """A token where none is taken is wrong use, and no complaint has a part of it."""
    token = good()
    given = [argument.replace("TOKEN", token) for argument in arguments]
    try:
        code = main(given)
    except SystemExit as ended:
        code = ended.code
    out, err = capsys.readouterr()
    assert (code, out, leaks(token, err), err != "") == (2, "", [], True)
