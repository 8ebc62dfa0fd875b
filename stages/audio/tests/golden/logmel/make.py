"""Golden log-mel spectrograms by torchaudio and librosa: `python3 make.py`, beside this file. Needs torch, torchaudio, librosa and numpy.

For every case two .npy files of float32: NAME.samples.npy [sample] and NAME.logmel.npy [mel, frame]. The settings of each case stand
in ../../logmel_golden.rs too.
"""

from pathlib import Path

import librosa
import numpy as np
import torch
import torchaudio

HERE = Path(__file__).parent
MIX2 = dict(sample_rate=16000, n_fft=512, win_length=512, hop_length=128, n_mels=128, f_min=0.0, f_max=8000.0)
NARROW = dict(sample_rate=22050, n_fft=1024, win_length=800, hop_length=400, n_mels=40, f_min=150.0, f_max=10000.0)


def pulses(t, rate):
    """A synthetic call: 12 ms pulses of 2.6 kHz, 40 a second, over faint noise."""
    noise = 1e-3 * np.random.default_rng(2).standard_normal(t.size)
    phase = (t * 40) % 1.0
    envelope = np.where(phase < 0.48, np.sin(np.pi * phase / 0.48) ** 2, 0.0)
    return 0.5 * envelope * np.sin(2 * np.pi * 2600 * t) + noise


def chirp(t, rate):
    end = t[-1]
    return 0.7 * np.sin(2 * np.pi * (200 * t + (0.45 * rate - 200) * t**2 / (2 * end)))


CASES = {
    "tone": (MIX2, 0.15, lambda t, rate: 0.8 * np.sin(2 * np.pi * 1000 * t)),
    "noise": (MIX2, 0.15, lambda t, rate: 0.1 * np.random.default_rng(1).standard_normal(t.size)),
    "chirp": (MIX2, 0.15, chirp),
    "pulses": (MIX2, 0.15, pulses),
    "silence": (MIX2, 0.05, lambda t, rate: np.zeros(t.size)),
    "narrow": (NARROW, 0.12, pulses),
}

def save(name, samples, values):
    np.save(HERE / f"{name}.samples.npy", samples)
    np.save(HERE / f"{name}.logmel.npy", np.ascontiguousarray(values.astype(np.float32)))
    print(name, samples.shape, values.shape)


def sampled(signal, seconds, rate):
    return signal(np.arange(round(seconds * rate)) / rate, rate).astype(np.float32)


def torchaudio_db(samples, **settings):
    mel = torchaudio.transforms.MelSpectrogram(center=True, pad_mode="reflect", power=2.0, norm=None, mel_scale="htk", **settings)
    return torchaudio.transforms.AmplitudeToDB(stype="power", top_db=None)(mel(torch.from_numpy(samples))).numpy()


def librosa_power(samples):
    """librosa's own settings: Slaney's scale and norm."""
    return librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=512, hop_length=128, n_mels=128, fmin=0.0, fmax=8000.0, pad_mode="reflect")


for name, (settings, seconds, signal) in CASES.items():
    samples = sampled(signal, seconds, settings["sample_rate"])
    save(name, samples, torchaudio_db(samples, **settings))

for name, window in (("hamming", torch.hamming_window), ("blackman", torch.blackman_window)):
    samples = sampled(pulses, 0.08, 16000)
    save(name, samples, torchaudio_db(samples, window_fn=window, **MIX2))

for name, signal in (("slaney_chirp", chirp), ("slaney_pulses", pulses)):
    samples = sampled(signal, 0.1, 16000)
    save(name, samples, librosa.power_to_db(librosa_power(samples), amin=1e-10, top_db=None))

samples = sampled(pulses, 0.1, 16000)
save("pcen", samples, librosa.pcen(librosa_power(samples) * 2**31, sr=16000, hop_length=128))
