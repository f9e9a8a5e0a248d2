// A real recogniser and a real voice from Debian, as programs: pocketsphinx listens, espeak-ng speaks. Neither knows of
// Weir; absent, the tests that need them are skipped and say so.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spoken } from "./speech-endpoint.ts";

const MISSING = [
  ["espeak-ng", "--version"],
  ["pocketsphinx_continuous", "-version"],
  ["ffmpeg", "-version"],
].flatMap(([name = "", flag = ""]) => (spawnSync(name, [flag]).error ? [name] : []));
export const canListen = MISSING.length === 0;
if (!canListen)
  console.log(`skipped: listening to speech, because ${MISSING.join(" and ")} is not installed`);

/** Runs a program; resolves to what it wrote. Throws where it failed. */
export async function run(name: string, args: readonly string[]): Promise<string> {
  const child = spawn(name, args, { stdio: ["ignore", "pipe", "pipe"] });
  const pieces: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr.on("data", (piece: Buffer) => errors.push(piece));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${name}: ${Buffer.concat(errors)}`);
  return Buffer.concat(pieces).toString();
}

/** Has a sentence spoken into a WAV file. */
export const speakTo = (path: string, sentence: string) =>
  run("espeak-ng", ["-v", "en-us+f2", "-s", "120", "-g", "2", "-w", path, sentence]);

/** A recogniser of the sentences of a grammar (JSGF), each with the times of its words. */
export function listener(grammar: string) {
  return async (wav: Buffer): Promise<Spoken> => {
    const folder = await mkdtemp(join(tmpdir(), "weir-listen-"));
    try {
      const [sound, rules] = [join(folder, "sound.wav"), join(folder, "rules.gram")];
      await Promise.all([
        writeFile(sound, wav),
        writeFile(rules, `#JSGF V1.0;\ngrammar talk;\n${grammar}\n`),
      ]);
      const wide = ["-beam", "1e-120", "-wbeam", "1e-100", "-pbeam", "1e-120"];
      const files = ["-infile", sound, "-jsgf", rules, "-logfn", "/dev/null"];
      const text = await run("pocketsphinx_continuous", [
        ...files,
        ...wide,
        "-time",
        "yes",
        "-remove_silence",
        "no",
      ]);
      // `budget(2) 1.480 1.860 0.99`: the word, by its pronunciation, and its seconds.
      const words = [...text.matchAll(/^([a-z']+)(?:\(\d\))? ([\d.]+) ([\d.]+) [\d.]+$/gm)].map(
        ([, word = "", start, end]) => ({ word, start: Number(start), end: Number(end) }),
      );
      return { words, language: "en" };
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}
