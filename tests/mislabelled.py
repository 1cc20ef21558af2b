"""Answers that are cut off, contradict themselves or are no HTTP/1, each with a word of why they are refused."""

import gzip

SECRET = "hunter2-tok3n"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

MISLABELLED = {
    "ends at once": (b"", "breaks off"),
    "ends within the status line": (b"HTTP/1.1 200 O", "breaks off"),
    "ends behind the status line": (OK, "breaks off"),
    "ends within a header field": (OK + b"Content-Len", "breaks off"),
    "ends within the head": (OK + b"Content-Length: 0\r\n", "breaks off"),
    "ends within an interim answer": (b"HTTP/1.1 100 Continue\r\n", "breaks off"),
    "body too short": (OK + b"Content-Length: 9\r\n\r\nhalf", "breaks off"),
    "chunk too short": (CHUNKED + b"9\r\nhalf", "breaks off"),
    "chunks without an end": (CHUNKED + b"4\r\nhalf\r\n", "breaks off"),
    "chunks without the last line": (CHUNKED + b"4\r\nhalf\r\n0\r\n", "breaks off"),
    "trailer breaks off": (CHUNKED + b"4\r\nhalf\r\n0\r\nA: b", "breaks off"),
    "negative chunk": (CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk in Python's hexadecimal": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk with an underscore": (CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n", "proper size"),
    "chunk longer than said": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", "proper size"),
    "length and chunks": (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "length unclear"),
    "unknown coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "length unclear"),
    "coding twice": (OK + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", "length unclear"),
    "chunks in HTTP/1.0": (b"HTTP/1.0" + CHUNKED[8:] + b"0\r\n\r\n", "length unclear"),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", "length unclear"),
    "two lengths in one": (OK + b"Content-Length: 5, 4\r\n\r\nhello", "length unclear"),
    "negative length": (OK + b"Content-Length: -5\r\n\r\nhello", "length unclear"),
    "signed length": (OK + b"Content-Length: +5\r\n\r\nhello", "length unclear"),
    "HTTP/0.9": (b"hello", "breaks off"),
    "HTTP/0.9 in lines": (b"<html>\nhello\n</html>\n", "does not start"),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\nhello", "does not start"),
    "HTTP/0.9 by name": (b"HTTP/0.9 200 OK\r\n\r\nhello", "does not start"),
    "two digits": (b"HTTP/1.1 20 OK\r\n\r\nhello", "does not start"),
    "digits of Python": (b"HTTP/1.1 2_0 OK\r\n\r\nhello", "does not start"),
    "no status": (b"HTTP/1.1\r\n\r\nhello", "does not start"),
    "noise": (bytes(range(256)) * 8, "does not start"),
    "switches protocols": (b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello", "switches"),
    "line without colon": (OK + f"A: b\r\n{SECRET}\r\nContent-Length: 2\r\n\r\nhi".encode(), "malformed"),
    "space before the colon": (OK + b"Content-Length : 2\r\n\r\nhi", "malformed"),
    "folded first line": (OK + b" A: b\r\n\r\nhi", "malformed"),
    "long line": (OK + b"A: " + b"a" * 66_000 + b"\r\n\r\nhi", "too long"),
    "101 fields": (OK + b"A: b\r\n" * 101 + b"\r\nhi", "not proper HTTP"),
    "compressed": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"), "compressed"),
    "compressed twice": (OK + b"Content-Encoding: identity, gzip\r\n\r\n" + gzip.compress(b"{}"), "compressed"),
    "unknown compression": (OK + b"Content-Encoding: x\r\n\r\n{}", "compressed"),
    "bomb": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 50_000_000), "compressed"),
}
