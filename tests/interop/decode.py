"""Decodes synthesised files with programs that nobody here wrote, and compares: `decode.py CHORUS`.

Every format is written by libsndfile (soundfile) or ffmpeg, decoded by both where both can, and by `chorus probe --samples`. Lossless
formats must agree in every sample, lossy ones within 1e-3 RMS; the number of frames must be the same in all. Where the two do not agree
with each other, EXCEPT says which of them is not followed and why. Ends with exit status 1 and what differs, else prints what was compared.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

SECONDS = 1.3
LOSSY_RMS = 1e-3
# Start of a file's name, and the program that is not followed there.
EXCEPT = {
    "WAV_MS_ADPCM": "ffmpeg",  # rounds the prediction towards zero; libsndfile and the format's description round down
    "ff_16000_1_ms": "ffmpeg",
    "ff_44100_2_ms": "ffmpeg",
    "ff_48000_1_ms": "ffmpeg",
    "OGG_VORBIS_8000": "ffmpeg",  # leaves the encoder's padding in a stream of a single page
    "CAF_ALAC_16_8000": "ffmpeg",  # stops before the last packet
    "CAF_ALAC_24_8000": "ffmpeg",
    "rifx": "ffmpeg",  # reads big-endian samples as little-endian ones
}


def sound(rate, channels, seconds=SECONDS):
    """A chirp and a tone in noise, different in each channel, with silence at the end; not a whole number of any codec's blocks."""
    n = int(rate * seconds) + 17
    t = np.arange(n) / rate
    rng = np.random.default_rng(rate + channels)
    columns = []
    for channel in range(channels):
        chirp = 0.3 * np.sin(2 * np.pi * (200 + 300 * channel + rate / 8 * t / t[-1]) * t)
        tone = 0.2 * np.sin(2 * np.pi * (440 + 110 * channel) * t)
        columns.append((chirp + tone + 0.02 * rng.standard_normal(n)) * (t < 0.9 * seconds))
    return np.stack(columns, axis=1).astype(np.float32)


def by_soundfile(path):
    try:
        return soundfile.read(path, dtype="float32", always_2d=True)[0]
    except soundfile.LibsndfileError:
        return None


def ffmpeg(*arguments):
    return subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], capture_output=True)


def by_ffmpeg(path, channels):
    done = ffmpeg("-i", path, "-f", "f32le", "-c:a", "pcm_f32le", "-")
    return None if done.returncode else np.frombuffer(done.stdout, dtype="<f4").reshape(-1, channels)


def by_chorus(chorus, path, channels):
    done = subprocess.run([chorus, "probe", "--samples", path], capture_output=True)
    if done.returncode:
        return done.stderr.decode().strip()
    return np.frombuffer(done.stdout, dtype="<f4").reshape(-1, channels)


def cases(folder):
    """Path, channels, and whether the format is lossless."""
    for form, subtypes in {
        "WAV": ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"],
        "WAVEX": ["PCM_16", "PCM_24", "FLOAT", "ULAW"],
        "RF64": ["PCM_16", "PCM_24", "FLOAT"],
        "W64": ["PCM_16", "PCM_24", "DOUBLE", "IMA_ADPCM"],
        "AIFF": ["PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"],
        "CAF": ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC_16", "ALAC_24"],
        "FLAC": ["PCM_S8", "PCM_16", "PCM_24"],
        "OGG": ["VORBIS"],
        "MP3": ["MPEG_LAYER_III"],
    }.items():
        for subtype in subtypes:
            for rate, channels in [(8000, 1), (22050, 2), (44100, 1), (48000, 2)]:
                path = folder / f"{form}_{subtype}_{rate}_{channels}.{form.lower()}"
                soundfile.write(path, sound(rate, channels), rate, subtype=subtype, format=form)
                yield path, channels, subtype not in ("VORBIS", "MPEG_LAYER_III")
    for endian, mark in [("BIG", "rifx"), ("LITTLE", "sowt")]:
        form = {"rifx": "WAV", "sowt": "AIFF"}[mark]
        path = folder / f"{mark}.{form.lower()}"
        soundfile.write(path, sound(16000, 3), 16000, subtype="PCM_24", format=form, endian=endian)
        yield path, 3, True
    for channels in (4, 6, 8):
        path = folder / f"many_{channels}.wav"
        soundfile.write(path, sound(16000, channels), 16000, subtype="PCM_16")
        yield path, channels, True
        path = folder / f"many_{channels}.flac"
        soundfile.write(path, sound(16000, channels), 16000, subtype="PCM_16")
        yield path, channels, True
    for rate in (96000, 192000, 250000, 384000, 500000):
        path = folder / f"fast_{rate}.wav"
        soundfile.write(path, sound(rate, 1, 0.2), rate, subtype="PCM_16")
        yield path, 1, True
    yield from ffmpeg_cases(folder)


def ffmpeg_cases(folder):
    for rate, channels in [(16000, 1), (44100, 2), (48000, 1)]:
        source = folder / f"source_{rate}_{channels}.wav"
        soundfile.write(source, sound(rate, channels), rate, subtype="PCM_16")
        for name, codec, options in [
            ("aac.m4a", "aac", ()),
            ("aac.mp4", "aac", ("-movflags", "faststart")),
            ("fragmented.mp4", "aac", ("-movflags", "frag_keyframe+empty_moov")),
            ("aac.aac", "aac", ()),
            ("alac.m4a", "alac", ()),
            ("alac.caf", "alac", ()),
            ("flac.mp4", "flac", ("-strict", "-2")),
            ("flac.ogg", "flac", ()),
            ("vorbis.ogg", "libvorbis", ()),
            ("vbr.mp3", "libmp3lame", ("-q:a", "4")),
            ("cbr.mp3", "libmp3lame", ("-b:a", "128k")),
            ("no_info.mp3", "libmp3lame", ("-b:a", "128k", "-write_xing", "0")),
            ("mp3.wav", "libmp3lame", ("-b:a", "64k")),
            ("mp2.mp2", "mp2", ("-b:a", "128k")),
            ("ima.wav", "adpcm_ima_wav", ()),
            ("ms.wav", "adpcm_ms", ()),
        ]:
            path = folder / f"ff_{rate}_{channels}_{name}"
            done = ffmpeg("-i", source, "-c:a", codec, *options, path)
            assert done.returncode == 0, f"{path.name}: {done.stderr.decode()}"
            yield path, channels, codec in ("alac", "flac", "adpcm_ima_wav", "adpcm_ms")
    tagged = folder / "tagged.mp3"
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    tagged.write_bytes(tag + (folder / "MP3_MPEG_LAYER_III_44100_1.mp3").read_bytes() + b"TAG" + bytes(125))
    yield tagged, 1, False


def differences(ours, theirs, lossless):
    """In what two decodings differ, in words; empty when in nothing that matters."""
    if isinstance(ours, str):
        return ours
    if ours.shape != theirs.shape:
        return f"{ours.shape[0]} frames, expected {theirs.shape[0]}"
    error = ours.astype(np.float64) - theirs
    if lossless:
        return "" if not error.any() else f"largest difference {np.abs(error).max():.2e}"
    rms = np.sqrt(np.mean(error**2))
    return "" if rms < LOSSY_RMS else f"RMS difference {rms:.2e}"


def main(chorus):
    compared, failures = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for path, channels, lossless in cases(Path(folder)):
            ours = by_chorus(chorus, path, channels)
            verdicts = {}
            for name, theirs in [("libsndfile", by_soundfile(path)), ("ffmpeg", by_ffmpeg(path, channels))]:
                if theirs is not None and not any(path.name.startswith(start) and name == EXCEPT[start] for start in EXCEPT):
                    verdicts[name] = differences(ours, theirs, lossless)
            assert verdicts, f"{path.name}: nobody can read it"
            compared += len(verdicts)
            if any(verdicts.values()):
                failures.append(f"{path.name}: {verdicts}")
    print(f"{compared} decodings compared")
    if failures:
        print("\n".join(failures))
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
