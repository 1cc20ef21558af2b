"""
Matching as the rules say it, naively: no regular expression, no tree, no short cut.

Rules kept here: nothing of the library's is used to decide, and each question is answered by trying everything.
"""

from itertools import product
from unicodedata import category, normalize

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
HEX = "0123456789abcdefABCDEF"
KEPT = UNRESERVED + "!$&'()*+,=:@/"
BARRED = [*range(32), 127, ord("/"), ord("\\"), ord(";")]
WILD = "/*"
SPACES = " \u1680\u2028\u2029"
UNSEEN = "\u0307\u034f" + "".join(chr(0xFE00 + number) for number in range(16))


def spelt(path):
    """Return the one spelling of a path, or None if it has none."""
    out, rest = "", path
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "%":
            if len(rest) < 2 or rest[0] not in HEX or rest[1] not in HEX:
                return None
            byte, rest = int(rest[:2], 16), rest[2:]
            if byte in BARRED:
                return None
            out += chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}"
        elif char in "\\?#;" or char.isspace() or ord(char) < 32 or 127 <= ord(char) < 160:
            return None
        elif char in KEPT:
            out += char
        elif 0xD800 <= ord(char) < 0xE000:
            return None
        else:
            out += "".join(f"%{byte:02X}" for byte in char.encode())
    return out if is_sound(out) else None


def is_sound(path):
    for at in range(len(path)):
        after = path[at + 3 : at + 5]
        if path[at : at + 3] == "%25" and len(after) == 2 and after[0] in HEX and after[1] in HEX:
            return False
    text = decoded(path)
    if text is None or any(127 <= ord(char) < 160 for char in text):
        return False
    seen = loose(path)
    body = path[1:].split("/")
    if seen.count("/") != path.count("/") or "\\" in seen or ";" in seen or "" in body[:-1]:
        return False
    escapes = any(seen[at] == "%" and set(seen[at + 1 : at + 3]) <= set(HEX) for at in range(len(seen) - 2))
    named = seen[1:].split("/")[: len(body) - (body[-1] == "")]
    return path[0] == "/" and not escapes and all(map(has_name, named))


def has_name(segment):
    """Tell whether something is left of a segment for those who cut it, and drop dots and spaces at the end."""
    before = [segment[:at] for at, char in enumerate(segment) if char == ":"][:1]
    cut = [segment[:at] for at, char in enumerate(segment) if char in "?#" and at > 0][:1]
    return all(any(char not in "." + SPACES for char in one) for one in [segment, *before, *cut])


def decoded(path):
    raw, rest = b"", path
    while rest:
        size = 3 if rest[0] == "%" else 1
        raw, rest = raw + (bytes.fromhex(rest[1:3]) if size == 3 else rest[0].encode()), rest[size:]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def loose(path):
    seen = [one for char in decoded(path) for one in normalize("NFKD", char).casefold()]
    kept = [one for one in seen if one not in UNSEEN and category(one) != "Cf"]
    return "".join({"+": " ", "\u0131": "i"}.get(one, one) for one in kept)


def pieces(segment):
    """Return the texts before and after a parameter, or the one text there is."""
    before, brace, rest = segment.partition("{")
    return (before, rest.partition("}")[2]) if brace else (before,)


def segment_fits(template, text):
    parts = pieces(template)
    if len(parts) == 1:
        return text == template
    before, after = parts
    values = [text[len(before) : end] for end in range(len(before) + 1, len(text) + 1)]
    return any(before + value + after == text and "%" not in value[-2:] for value in values)


def segments(path):
    body = path.removesuffix(WILD)
    return [one for one in body.split("/") if one]


def fits(template, path):
    """Tell whether a template matches a spelling, its segments taken one by one."""
    wanted, there = segments(template), segments(path)
    if not all(map(segment_fits, wanted, there)) or len(there) < len(wanted):
        return False
    if template.endswith(WILD):
        return True
    return len(there) == len(wanted) and (template.endswith("/") or not path.endswith("/"))


def rank(template):
    ranks = []
    for segment in segments(template):
        parts = pieces(segment)
        ranks.append((3, 0) if len(parts) == 1 else (2, len("".join(parts))) if any(parts) else (1, 0))
    return [*ranks, (0, 0) if template.endswith(WILD) else (4, 0)]


def loose_template(template):
    shown = ["{x}".join(loose(part) if part else "" for part in pieces(segment)) for segment in segments(template)]
    return "/" + "/".join(shown) + (WILD if template.endswith(WILD) else "/")


def cut(path):
    cuts = [at for at, char in enumerate(path) if char in "?#"]
    return path[: cuts[0]] if cuts else path


def without_streams(path):
    return "/".join(segment.split(":")[0] for segment in path.split("/"))


def stripped(path):
    texts = path.split("/")
    for at, text in enumerate(texts):
        while texts[at] and texts[at][-1] in "." + SPACES:
            texts[at] = texts[at][:-1]
        while texts[at] and texts[at][0] in SPACES:
            texts[at] = texts[at][1:]
        assert bool(texts[at]) is bool(text)
    return "/".join(texts)


def without_suffix(path):
    whole = path.rstrip("/")
    dots = [at for at, char in enumerate(whole) if char == "."]
    if not dots or "/" in whole[dots[-1] :]:
        return path
    stem = whole[: dots[-1]]
    name = stem[stem.rindex("/") + 1 :]
    return stem if any(char not in "." + SPACES for char in name) else path


def loose_paths(path):
    """Return what lenient servers read: the decoded path, and what is left of it for those who drop parts of it."""
    for chosen in product([False, True], repeat=5):
        text = loose(path)
        for is_done, step in zip(chosen, [cut, without_streams, stripped, without_suffix, stripped], strict=True):
            text = step(text) if is_done else text
        yield text


def fits_loosely(template, path):
    return any(fits(loose_template(template), one) for one in loose_paths(path))


def find(resources, method, path):
    """Return the resource, a pair of method and template, that a call is about, or None."""
    spelling = spelt(path) if path[:1] == "/" else None
    if spelling is None:
        return None
    mine = [one for one in resources if one[0] in (method, "*")]
    strict = [one for one in mine if fits(one[1], spelling)]
    if not strict:
        return None
    same_slash = spelling.endswith("/")
    best = max(strict, key=lambda one: (rank(one[1]), one[1].endswith("/") == same_slash, one[0] != "*"))
    likewise = [one for one in resources if method == "HEAD" and one[0] == "GET"]

    def hold(one):
        return rank(one[1]), method == "HEAD" and one[0] != "*"

    for other in mine + likewise:
        seen = fits(other[1], spelling) or fits_loosely(other[1], spelling)
        if seen and hold(other) > hold(best):
            return None
    return best
