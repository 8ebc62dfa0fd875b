"""Makes the small files of this folder and `expected.json`: what libsndfile or ffmpeg decode of them.

    pip install soundfile==0.14.* imageio-ffmpeg==0.8.* numpy && python make.py

A quarter of a second (of Vorbis three, which are several pages) of two tones in noise, encoded by libsndfile or ffmpeg. Expected are the number of frames and every STRIDE-th sample of the
first channel. tests/interop/decode.py compares far more, in every sample, where Python is at hand.
"""

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

HERE = Path(__file__).parent
STRIDE = 41


def sound(rate, channels, seconds=0.25):
    n = int(rate * seconds) + 7
    t = np.arange(n) / rate
    noise = np.random.default_rng(1).standard_normal((n, channels))
    tones = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 1234 * t)
    return (tones[:, None] * (1 - 0.5 * np.arange(channels)) + 0.01 * noise).astype(np.float32)


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def main():
    source = HERE / "source.wav"
    expected = {}

    def note(name, lossless, samples, channels):
        expected[name] = {"lossless": lossless, "channels": channels, "frames": len(samples), "samples": [round(float(x), 8) for x in samples[::STRIDE, 0]]}

    for name, subtype, form, channels, lossless in [
        ("tones.mp3", "MPEG_LAYER_III", "MP3", 1, False),
        ("tones.ogg", "VORBIS", "OGG", 1, False),
        ("tones.aiff", "PCM_16", "AIFF", 2, True),
        ("alaw.aifc", "ALAW", "AIFF", 1, True),
        ("tones.caf", "PCM_16", "CAF", 1, True),
        ("alac.caf", "ALAC_16", "CAF", 1, True),
        ("ima_adpcm.wav", "IMA_ADPCM", "WAV", 2, True),
        ("ms_adpcm.wav", "MS_ADPCM", "WAV", 2, True),
    ]:
        soundfile.write(HERE / name, sound(16000, channels, 3 if form == "OGG" else 0.25), 16000, subtype=subtype, format=form)
        note(name, lossless, soundfile.read(HERE / name, dtype="float32", always_2d=True)[0], channels)
    soundfile.write(source, sound(16000, 1), 16000, subtype="PCM_16")
    for name, codec, options, lossless in [
        ("aac.m4a", "aac", (), False),
        ("fragmented.mp4", "aac", ("-movflags", "frag_keyframe+empty_moov"), False),
        ("adts.aac", "aac", (), False),
        ("alac.m4a", "alac", (), True),
        ("flac.mp4", "flac", ("-strict", "-2"), True),
        ("flac.ogg", "flac", (), True),
        ("no_info.mp3", "libmp3lame", ("-b:a", "48k", "-write_xing", "0", "-id3v2_version", "0"), False),
        ("mp3.wav", "libmp3lame", ("-b:a", "48k"), False),
        ("layer2.mp2", "mp2", ("-b:a", "48k"), False),
    ]:
        ffmpeg("-i", source, "-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact", "-c:a", codec, *options, HERE / name)
        decoded = np.frombuffer(ffmpeg("-i", HERE / name, "-f", "f32le", "-c:a", "pcm_f32le", "-"), dtype="<f4").reshape(-1, 1)
        note(name, lossless, decoded, 1)
    source.unlink()
    (HERE / "expected.json").write_text(json.dumps(expected, indent=0).replace(",\n", ",").replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
