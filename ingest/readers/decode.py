"""Bytes to text: by the byte-order mark, what the file declares, UTF-8, or a guess.

No odd byte loses a file: it becomes U+FFFD, and a remark says so.
"""

from __future__ import annotations

import codecs

from ingest.errors import DocumentUnreadable

MARKS = {  # longest first: UTF-32's little-endian mark begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})  # no text holds them
BINARY = 0.05  # of a file's bytes are such, and it is no text; random bytes have 0.11
SLIPS, ODD = 3, 0.05  # so many, or such a share, of the signs beyond ASCII may be none: a slip
WESTERN = frozenset(
    "àáâäãåæçèéêëìíîïñòóôõöøœùúûüýÿßÀÁÂÄÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜ‘’‚“”„–—…•€£§©®°²³·½«»\xa0"
)
COMMON = (  # charsets that people's files have
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 cp866 cp850 cp852 koi8_r"
    " koi8_u iso8859_2 iso8859_5 iso8859_7 iso8859_8 iso8859_9 iso8859_13 mac_roman mac_cyrillic"
    " big5 gb18030 cp949 cp932 euc_jp iso2022_jp"
).split()
HUNGARIAN = frozenset("áéíóúÁÉÍÓÚ"), frozenset("öüÖÜ"), frozenset("õÕ")  # cp1250 has "ő" there
NOT_HUNGARIAN = frozenset("äãåàâæçèêëìîïñòôøùÿÄÃÅÀÂÆÇÈÊËÌÎÏÑÒÔØÙß")
SAMPLE = 100_000  # bytes that a guess looks at


def decoded(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """Decode bytes; return the text, and remarks on what was guessed or lost.

    declared: the charset that the file names, as a label of the web. Raises DocumentUnreadable
    for a binary file.
    """
    for mark, charset in MARKS.items():
        if data.startswith(mark):
            text = data.removeprefix(mark).decode(charset, "replace")
            return _clean(text, () if charset == "utf-8" else (f"read as {charset[:6].upper()}",))
    if charset := _unmarked(data[:SAMPLE]):
        return _clean(data.decode(charset, "replace"), (f"read as {charset[:6].upper()}",))
    if sum(data.count(sign) for sign in CONTROLS) > BINARY * len(data):
        raise DocumentUnreadable("it is a binary file")
    charset = _codec(declared)
    for tried in dict.fromkeys((charset or "utf-8", "utf-8")):
        text = data.decode(tried, "replace")
        lost = text.count("\ufffd") - (data.count("\ufffd".encode()) if tried == "utf-8" else 0)
        beyond = sum(sign > "\x7f" for sign in text) - lost
        if not lost:
            return _clean(text, ())
        if lost <= max(SLIPS, ODD * beyond) and (charset or beyond):
            bytes_ = "byte that is" if lost == 1 else "bytes that are"
            return _clean(text, (f"{lost} {bytes_} not {tried.upper()} became \ufffd",))
    charset = _guess(data)
    return _clean(data.decode(charset, "replace"), (f"read as {charset}, which it seems to be",))


def _unmarked(sample: bytes) -> str:
    """Return UTF-16's byte order where every other byte is NUL, as in Western text; else ""."""
    low, high = sample[0::2], sample[1::2]
    if len(high) < 4:
        return ""
    for charset, zeros, signs in (("utf-16-le", high, low), ("utf-16-be", low, high)):
        if zeros.count(0) > 0.7 * len(zeros) and not signs.count(0):
            return charset
    return ""


def _codec(label: str) -> str:
    """Return the Python codec for a label as browsers take it; "" if they know none."""
    import webencodings  # type: ignore[import-untyped]

    found = webencodings.lookup(label) if label.isascii() and label else None
    # A charset that could be declared in single bytes is not UTF-16.
    if found is None or found.name.startswith("utf-16"):
        return ""
    try:  # "replacement" and "x-user-defined" are no codecs of Python's
        return codecs.lookup(found.codec_info.name).name
    except LookupError:
        return ""


def _guess(data: bytes) -> str:
    """Guess a charset; a guesser takes a few Western letters among ASCII for anything."""
    from charset_normalizer import from_bytes

    sample = data[:SAMPLE]
    western = sample.decode("cp1252", "replace")
    beyond = [sign for sign in western if sign > "\x7f"]
    if WESTERN.issuperset(beyond) and sum(map(str.isalpha, western)) >= 3 * len(beyond):
        hungarian = NOT_HUNGARIAN.isdisjoint(beyond)
        hungarian = hungarian and not any(signs.isdisjoint(beyond) for signs in HUNGARIAN)
        return "cp1250" if hungarian else "cp1252"
    # Polish in ISO 8859-2 reads as well as if it were Sami in ISO 8859-10.
    best = from_bytes(sample, cp_isolation=COMMON).best() or from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def _clean(text: str, remarks: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if nuls := text.count("\0"):
        dropped = "1 NUL sign was" if nuls == 1 else f"{nuls} NUL signs were"
        return text.replace("\0", ""), (*remarks, f"{dropped} dropped")
    return text, remarks
