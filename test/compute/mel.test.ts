// The spectrogram that a Whisper model is given, against numpy's of the same sound (mel.py). Without Debian's Python this
// is skipped.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { logMel } from "../../workers/compute/server/inference/mel.ts";

const PYTHON = "/usr/bin/python3";
const missing = spawnSync(PYTHON, ["-c", "import numpy"]).status !== 0;

describe.skipIf(missing)("the spectrogram is numpy's", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-mel-"));
    execFileSync(PYTHON, [join(import.meta.dirname, "mel.py"), folder]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const numbers = async (name: string) =>
    new Float32Array(Uint8Array.from(await readFile(join(folder, name))).buffer);

  test.each(["noise", "tones", "sweep", "short", "silence"])("of %s, to 1e-4", async (name) => {
    const sound = await numbers(`${name}.sound`);
    for (const bands of [80, 128]) {
      const reference = await numbers(`${name}.${bands}`);
      const own = logMel(sound, bands);
      expect(own.length).toBe(reference.length);
      const worst = own.reduce((most, value, i) => Math.max(most, Math.abs(value - (reference[i] ?? 9))), 0);
      expect(worst, `${bands} bands`).toBeLessThanOrEqual(1e-4);
    }
  });
});
