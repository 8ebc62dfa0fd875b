"""Golden levels and acoustic indices by scikit-maad and scipy: `python3 make.py`, beside this file. Needs scikit-maad 1.5.

Writes expected.json: cases, each with the definition of its sound, the settings, and the values. The sound is made anew in
../../../src/soundscape/tests.rs: white noise by a linear congruential generator, a tone that is on half of the time, and an offset.
The indices are scikit-maad's. The levels are numpy's, and the third-octave bands are cut from scipy's `welch`.
"""

import json
from pathlib import Path

import maad.features as features
import maad.sound
import numpy as np
import scipy.signal

HERE = Path(__file__).parent
MAAD = dict(window=1024, hop=512, anthrophony=(0, 1000), biophony=(1000, 10000), step=1000, threshold=-50)
CASES = [
    dict(name="pulses", rate=22050, seconds=6, tone=2600, seed=1, **MAAD),
    dict(name="fast", rate=48000, seconds=3, tone=7000, seed=2, **MAAD),
    dict(name="narrow", rate=16000, seconds=4, tone=900, seed=3, window=512, hop=256, anthrophony=(0, 1000), biophony=(1000, 7000), step=500, threshold=-40),
    dict(name="slow", rate=8000, seconds=5, tone=1500, seed=4, **MAAD),
]


def sound(case):
    """[sample], float32."""
    state, noise = case["seed"], np.empty(case["rate"] * case["seconds"])
    for i in range(noise.size):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        noise[i] = (state >> 40) / 2**23 - 1
    t = np.arange(noise.size) / case["rate"]
    tone = np.sin(2 * np.pi * case["tone"] * t) * (t * 4 % 1 < 0.5)
    return (0.02 * noise + 0.3 * tone + 0.01).astype(np.float32)


def indices(samples, case):
    rate = case["rate"]
    samples = samples - samples.mean()
    power, _, hz, _ = maad.sound.spectrogram(samples, rate, window="hann", nperseg=case["window"], noverlap=case["window"] - case["hop"])
    amplitude = np.sqrt(power)
    spectral, temporal = features.frequency_entropy(power)[0], features.temporal_entropy(samples)
    found = dict(aci=features.acoustic_complexity_index(amplitude)[2], spectral_entropy=spectral, temporal_entropy=temporal, entropy=spectral * temporal)
    (low, _), (bio, high) = case["anthrophony"], case["biophony"]
    # scikit-maad has values for bands that were not recorded, and we do not.
    if high <= rate / 2:
        bands = dict(fmin=low, fmax=high, bin_step=case["step"], dB_threshold=case["threshold"])
        found["adi"] = features.acoustic_diversity_index(amplitude.copy(), hz, **bands)
        found["aei"] = features.acoustic_eveness_index(amplitude.copy(), hz, **bands)
        found["bi"] = features.bioacoustics_index(amplitude, hz, flim=(bio, high))
        found["ndsi"] = features.soundscape_index(power, hz, flim_bioPh=(bio, high), flim_antroPh=case["anthrophony"])[0]
    return {name: float(value) for name, value in found.items()}


def levels(samples, rate):
    samples = samples - samples.mean()
    piece = round(0.125 * rate)
    pieces = samples[: samples.size // piece * piece].reshape(-1, piece)
    ranked = 10 * np.log10((pieces**2).mean(1))
    found = dict(level_dbfs=10 * np.log10((samples**2).mean()))
    found |= {f"l{percent}_dbfs": np.percentile(ranked, 100 - percent) for percent in (10, 50, 90)}
    return {name: float(value) for name, value in found.items()}


def bands(samples, rate):
    """dB of the third-octave bands, from 25 Hz on, as far as they were recorded."""
    length = 2 ** int(np.ceil(np.log2(rate / 2)))
    hz, density = scipy.signal.welch(samples, rate, "hann", nperseg=length, noverlap=length // 2)
    step = hz[1]
    found = []
    for order in range(14, 53):
        low, high = 10 ** ((order - 0.5) / 10), 10 ** ((order + 0.5) / 10)
        if high > rate / 2:
            break
        widths = np.clip(np.minimum(hz + step / 2, high) - np.maximum(hz - step / 2, low), 0, None)
        found.append(float(10 * np.log10((density * widths).sum())))
    return found


for case in CASES:
    samples = sound(case).astype(np.float64)
    case["indices"] = indices(samples, case)
    case |= levels(samples, case["rate"])
    case["bands"] = bands(samples, case["rate"])
    print(case["name"], case["indices"])
(HERE / "expected.json").write_text(json.dumps(CASES, indent=1) + "\n")
