"""A child process of its own that lets espeak-ng speak one text: `python -m reelwright.media.scratch_voice VOICE PACE`.

espeak-ng is under the GPL-3.0 and is loaded nowhere else. A fresh process for each line also makes the same text the same
samples: its noise generator goes on from line to line. The text comes in on stdin (UTF-8); out go the sample rate in four
bytes (little endian) and 16-bit samples. Exit code 3: the package is missing; 4: it knows none of the voices.
"""

from __future__ import annotations

import ctypes
import sys
from importlib import import_module
from importlib.util import find_spec

PACKAGE = "espeakng_loader"
WHY_ABSENT = "There is no scratch voice: espeak-ng is not installed. Add it with: pip install 'reelwright[voice]'"

NO_PACKAGE = 3
NO_VOICE = 4
_RETRIEVAL = 1
"""Samples go to a callback, not to a loudspeaker."""
_RATE, _PITCH, _RANGE, _GAP = 1, 3, 4, 7
_UTF8 = 1
_CHUNK_MILLISECONDS = 500
_PITCH_OF_FIFTY = 42
_RANGE_OF_FIFTY = 58
"""A little lower and livelier than its usual 50 and 50: less of the drone that it is known for."""


def is_available() -> bool:
    """Whether espeak-ng is installed; it is not loaded for that."""
    return find_spec(PACKAGE) is not None


def speak(text: str, voices: list[str], pace: int) -> tuple[int, bytes]:
    """Sample rate and samples, spoken by the first of the voices that there is, at `pace` words a minute."""
    try:
        loader = import_module(PACKAGE)
    except ImportError:
        sys.exit(NO_PACKAGE)
    library = ctypes.CDLL(loader.get_library_path())
    rate = int(library.espeak_Initialize(_RETRIEVAL, _CHUNK_MILLISECONDS, loader.get_data_path().encode(), 0))
    if not any(library.espeak_SetVoiceByName(voice.encode()) == 0 for voice in voices):
        sys.exit(NO_VOICE)
    for parameter, value in ((_RATE, pace), (_PITCH, _PITCH_OF_FIFTY), (_RANGE, _RANGE_OF_FIFTY), (_GAP, 0)):
        library.espeak_SetParameter(parameter, value, 0)
    samples = bytearray()

    def take(chunk: int | None, count: int, _events: int | None) -> int:
        if chunk and count > 0:
            samples.extend(ctypes.string_at(chunk, count * 2))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    callback = kind(take)
    library.espeak_SetSynthCallback(callback)
    spoken = text.encode()
    library.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return rate, bytes(samples)


def main() -> None:
    """Reads the text, writes the samples."""
    rate, samples = speak(sys.stdin.buffer.read().decode(), sys.argv[1].split(","), int(sys.argv[2]))
    sys.stdout.buffer.write(rate.to_bytes(4, "little") + samples)


if __name__ == "__main__":
    main()
