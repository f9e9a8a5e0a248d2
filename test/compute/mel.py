# Spectrograms as Whisper's description has them, by numpy alone and another way than Weir's: an FFT, and triangles drawn
# by interpolation. Writes, for each sound, its samples and its spectrogram as float32.
import sys

import numpy as np

folder = sys.argv[1]
rate, size, hop, seconds = 16000, 400, 160, 30


def mel_to_hz(mel):
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def filters(bands):
    top = 15 + np.log(8) / (np.log(6.4) / 27)
    edges = mel_to_hz(np.linspace(0, top, bands + 2))
    bins = np.fft.rfftfreq(size, 1 / rate)
    rows = [np.interp(bins, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0]) for i in range(bands)]
    return np.array(rows)


def spectrogram(sound, bands):
    padded = np.zeros(rate * seconds)
    padded[: len(sound)] = sound
    mirrored = np.pad(padded, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, size)[::hop][:-1]
    window = np.hanning(size + 1)[:-1]
    energies = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    logs = np.log10(np.maximum(filters(bands) @ energies.T, 1e-10))
    return (np.maximum(logs, logs.max() - 8) + 4) / 4


draw = np.random.default_rng(63)
time = np.arange(rate * seconds) / rate
sounds = {
    "noise": draw.normal(0, 0.2, rate * 7 + 123),
    "tones": 0.4 * np.sin(2 * np.pi * 440 * time[: rate * 3]) + 0.01 * np.sin(2 * np.pi * 5200 * time[: rate * 3]),
    "sweep": 0.5 * np.sin(2 * np.pi * (50 * time + 125 * time**2)),
    "short": draw.normal(0, 0.001, 57),
    "silence": np.zeros(1000),
}
for name, sound in sounds.items():
    samples = sound.astype(np.float32)
    samples.tofile(f"{folder}/{name}.sound")
    for bands in (80, 128):
        spectrogram(samples.astype(np.float64), bands).astype(np.float32).tofile(f"{folder}/{name}.{bands}")
