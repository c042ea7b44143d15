"""Signs that a decoder has run away: it goes round in circles, or says what nobody said."""

from __future__ import annotations

import re

_LOOP = re.compile(r"(.{1,12}?)\1{3,}")
# What Whisper says of music and noise: the credits and farewells of the videos it was trained on.
_INVENTED = re.compile(
    r"字幕(由|制作|製作|志愿|组|提供|by)|中文字幕|点赞.{0,4}(订阅|转发|打赏|关注)|订阅.{0,4}(频道|转发|打赏)|"
    r"不吝点赞|(谢谢|感谢)(大家|您的|你的)?(观看|收看|收听)|明镜与点点|优优独播|(作词|作曲|编曲)[:：\s]|"
    r"(like|subscribe).{0,12}(subscribe|channel)|thanks? (you )?for watching|amara\.org",
    re.IGNORECASE,
)


def is_loop(text: str, duration_ms: int) -> bool:
    """True when a reading repeats itself or holds more than can be said in the time."""
    squeezed = re.sub(r"[\W_]+", "", text)
    if len(squeezed) > 12 + 11 * duration_ms / 1000:
        return True
    # 对对对对 and 八八八八 are speech; long repeats or many of them are a decoder gone round.
    return any(
        len(match.group(1)) >= 3 or (len(match.group()) >= 8 and not match.group().isdigit())
        for match in _LOOP.finditer(squeezed)
    )


def is_invented(text: str) -> bool:
    """True for what the model says of sounds that are no speech, and nobody says on the phone."""
    return bool(_INVENTED.search(text))
