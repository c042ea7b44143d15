"""Short recordings cut from the example calls, in every format that a recorder may write."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
from command_line import ROOT

EXAMPLES = ROOT / "examples" / "calls"
RATE = 8000
Sound = npt.NDArray[np.float64]


def three_calls(folder: Path, **changes: str) -> Path:
    """Stereo wav, mono wav and stereo mp3 with their manifest; `changes` fill its columns."""
    folder.mkdir(parents=True, exist_ok=True)
    with (EXAMPLES / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["call_id"] in ("d01", "d13", "d14")]
    for line in lines:
        if not (folder / line["file"]).exists():
            shutil.copy(EXAMPLES / line["file"], folder)
        line.update({name: text for name, text in changes.items() if name in line})
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    return folder


def greeting() -> Sound:
    """The agent of d13 opens the call: (n,) at 8 kHz, 4.5 s."""
    samples, rate = soundfile.read(EXAMPLES / "d13.wav")
    assert rate == RATE
    return np.asarray(samples[round(0.4 * RATE) : round(4.9 * RATE)])


def opening(seconds: float = 12.0) -> Sound:
    """Agent (left) and customer (right) open d01: (n, 2) at 8 kHz."""
    samples, _ = soundfile.read(EXAMPLES / "d01.wav")
    return np.asarray(samples[: round(seconds * RATE)])


def good_clips(folder: Path) -> Path:
    """Recordings that must be inspected, whatever their format. No metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    mono, stereo = greeting(), opening()
    soundfile.write(folder / "plain.wav", mono, RATE, subtype="PCM_16")
    soundfile.write(folder / "alaw.wav", mono, RATE, subtype="ALAW")
    soundfile.write(folder / "both_same.wav", np.stack([mono, mono], axis=1), RATE)
    soundfile.write(folder / "swapped.wav", stereo[:, ::-1], RATE)
    soundfile.write(folder / "silent.wav", np.zeros(4 * RATE), RATE)
    _encode(folder / "opus.ogg", mono, "libopus", 48_000)
    _encode(folder / "aac.m4a", mono, "aac", 16_000)
    six = np.stack([_resampled(mono, 96_000)] * 6, axis=1)
    soundfile.write(folder / "six.wav", six, 96_000, subtype="PCM_24")
    mp3 = (EXAMPLES / "d14.mp3").read_bytes()
    (folder / "cut.mp3").write_bytes(mp3[: len(mp3) // 6])
    return folder


def bad_files(folder: Path) -> Path:
    """Files that are no recordings, and never will be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("这不是录音\n" * 40, encoding="utf-8")
    soundfile.write(folder / "header.wav", np.zeros(0), RATE)
    (folder / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(30_000))
    (folder / "playlist.wav").write_text("#EXTM3U\n#EXTINF:4,\nplain.wav\n#EXT-X-ENDLIST\n")
    return folder


def _resampled(mono: Sound, rate: int) -> Sound:
    places = np.arange(round(len(mono) * rate / RATE)) * RATE / rate
    return np.asarray(np.interp(places, np.arange(len(mono)), mono))


def _encode(path: Path, mono: Sound, codec: str, rate: int) -> None:
    sound = (_resampled(mono, rate) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        fifo = av.AudioFifo()
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        for part in resampler.resample(frame):
            fifo.write(part)
        size = stream.frame_size or 1024
        while block := fifo.read(size) or fifo.read(0, partial=True):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))


EXCEL = """文件,通话编号,工号,坐席姓名,开始时间,场景,方向,振铃秒数
录音一.wav,k1,1023,王芳,2026/1/15 9:12,inbound_service,呼入,5
丢失.wav,k2,1023,王芳,2026/1/15 9:12,inbound_service,呼入,5
录音二.wav,k1,1023,王芳,2026/1/15 9:20,inbound_service,呼入,5
录音三.wav,k3,1023,王芳,2026/13/45 9:12,inbound_service,呼入,5
"""


def excel_manifest(folder: Path, recording: Path) -> Path:
    """A manifest as Excel saves it in China (GBK, CRLF): line 2 is right, 3, 4 and 5 are wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.csv").write_bytes(EXCEL.replace("\n", "\r\n").encode("gbk"))
    for name in ("录音一.wav", "录音二.wav", "录音三.wav"):
        shutil.copy(recording, folder / name)
    return folder


def name_in_gbk(folder: Path, recording: Path) -> Path:
    """A recording whose name is in GBK, as archives from Windows leave it; not on every system."""
    path = folder / os.fsdecode("客服".encode("gbk") + b"0042.wav")
    with contextlib.suppress(OSError):
        shutil.copy(recording, path)
    return path
