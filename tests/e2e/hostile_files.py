"""Damaged and hostile recordings, manifests and names, made from a number: the same every time."""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def good(kind: str, rng: random.Random, seconds: float = 1.0) -> bytes:
    """A short recording of noise in a format (WAV, FLAC, OGG, MP3)."""
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, 0.05, (int(RATE * seconds), 2))
    file = io.BytesIO()
    subtype = "PCM_16" if kind == "WAV" else None
    soundfile.write(file, noise, RATE, format=kind, subtype=subtype)
    return file.getvalue()


def truncated(rng: random.Random) -> tuple[str, bytes]:
    kind = rng.choice(["WAV", "FLAC", "OGG", "MP3"])
    data = good(kind, rng)
    return kind.lower(), data[: rng.randrange(len(data))]


def bit_flipped(rng: random.Random) -> tuple[str, bytes]:
    kind = rng.choice(["WAV", "FLAC", "OGG", "MP3"])
    data = bytearray(good(kind, rng))
    whole = rng.random() < 0.5
    for _ in range(rng.choice([1, 8, 64])):  # anywhere, or in the header only
        place = rng.randrange(len(data) if whole else min(64, len(data)))
        data[place] ^= 1 << rng.randrange(8)
    return kind.lower(), bytes(data)


def wav_header(rng: random.Random) -> tuple[str, bytes]:
    """Fields that promise too much, nothing, or nonsense; 4 GB among them."""
    body = good("WAV", rng)[44:]
    big = rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFF0])
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", rng.choice([big, 36]), b"WAVE", b"fmt ", rng.choice([16, big & 0xFFFF]),
        rng.choice([1, 3, 6, 7, 0xFFFE, 0xFFFF, 0]), rng.choice([0, 1, 2, 255, 65535]),
        rng.choice([0, 1, 8000, 0xFFFFFFFF]), rng.choice([0, 16000, big]),
        rng.choice([0, 1, 4, 65535]), rng.choice([0, 1, 16, 24, 65535]), b"data", big,
    )  # fmt: skip
    return "wav", head + body[: rng.randrange(len(body))]


def wrong_extension(rng: random.Random) -> tuple[str, bytes]:
    data = good(rng.choice(["WAV", "FLAC", "OGG", "MP3"]), rng)
    return rng.choice(["wav", "mp3", "flac", "amr", "m4a", "gsm", "wma"]), data


def noise(rng: random.Random) -> tuple[str, bytes]:
    return rng.choice(["wav", "mp3", "amr", "m4a", "webm", "gsm"]), rng.randbytes(
        rng.choice([0, 1, 44, 4096])
    )


def magic(rng: random.Random) -> tuple[str, bytes]:
    """The first bytes of another format, then anything: archives, pictures, films, lists."""
    heads = [b"PK\3\4", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypmp42",
             b"#EXTM3U\nfile:///etc/passwd\n",
             b"ffconcat version 1.0\nfile /etc/passwd\n", b"#!AMR\n", b"OggS", b"fLaC",
             b"ID3\4\0\0\x7f\x7f\x7f\x7f", b"\x1aE\xdf\xa3",
             b"RIFF\xff\xff\xff\xffWAVE"]  # fmt: skip
    return rng.choice(["wav", "mp3", "m4a", "ogg"]), rng.choice(heads) + rng.randbytes(2000)


def bomb(rng: random.Random) -> tuple[str, bytes]:
    """Hours of silence in a few kilobytes: a FLAC frame that is written again and again."""
    one = io.BytesIO()
    soundfile.write(one, np.zeros(RATE * 20), RATE, format="FLAC")
    data = one.getvalue()
    start = data.find(b"\xff\xf8", 42)
    return "flac", data + data[start:] * 200


KINDS: tuple[Callable[[random.Random], tuple[str, bytes]], ...] = (
    truncated, bit_flipped, wav_header, wrong_extension, noise, magic,
)  # fmt: skip
NAMES = (
    "plain{n}", "new\nline{n}", "tab\tand\x1b[31mred{n}", "..{n}", "-rf {n}", "$(touch x){n}",
    "名字 {n}", "\u202egpj{n}", "%s%n{n}", "con{n}", "a" * 200 + "{n}", "'; DROP TABLE queue;--{n}",
)  # fmt: skip


def recordings(folder: Path, count: int, seed: int) -> list[Path]:
    """`count` hostile recordings, a few of them bombs."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for n in range(count):
        suffix, data = bomb(rng) if n % 200 == 199 else rng.choice(KINDS)(rng)
        name = rng.choice(NAMES).format(n=n) if rng.random() < 0.3 else f"f{n}"
        path = folder / f"{name}.{suffix}"
        path.write_bytes(data)
        made.append(path)
    broken = folder / os.fsdecode(b"\xff\xfe gbk\xc4\xe3.wav")
    broken.write_bytes(good("WAV", rng))
    return [*made, broken]


CELLS = (
    "../../etc/passwd", "/etc/passwd", "..\\..\\x.wav", "x\0y.wav", '"', '""', "=cmd|'/c calc'!A0",
    "a" * 5000, "名.wav", "\x1b[2J", "C:\\x.wav", ".", "", "f1.wav\nf2.wav", "file:///etc/passwd",
)  # fmt: skip
COLUMNS = (
    "file",
    "call_id",
    "agent_id",
    "started_at",
    "scenario",
    "ring_seconds",
    "channels",
    "工号",
)


def manifest(rng: random.Random) -> bytes:
    """A table that is none, or one whose cells are hostile."""
    if rng.random() < 0.3:
        return rng.choice(
            [b"", b"\xff\xfe\0", rng.randbytes(500), b"nothing\n1\n", b"file,file\nx,y\n",
             b'file\n"' + b"x" * 70000, b"file\n" * 3000, b"PK\3\4" + rng.randbytes(99)]
        )  # fmt: skip
    columns = rng.sample(COLUMNS[1:], rng.randrange(len(COLUMNS) - 1))
    lines = [",".join(["file", *columns])]
    for _ in range(rng.randrange(1, 6)):
        lines.append(
            ",".join(rng.choice(CELLS) for _ in range(len(columns) + rng.choice([0, 1, 2])))
        )
    text = "\n".join(lines)
    return text.encode(rng.choice(["utf-8", "utf-16", "gb18030"]), "replace")


def manifests(folder: Path, count: int, seed: int) -> list[Path]:
    """`count` hostile deliveries in an inbox, with three recordings that they may mean."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for n in (1, 2):
        (folder / f"f{n}.wav").write_bytes(good("WAV", rng))
    made = []
    for n in range(count):
        path = folder / f"{rng.choice(NAMES).format(n=n)}.csv"
        path.write_bytes(manifest(rng))
        made.append(path)
    return made
