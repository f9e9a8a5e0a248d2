// A speech model of files from `weir models add` to the second that search names: Weir's own speech-to-text pipeline is
// switched on with it, and a film is put into the bucket. The model is a tiny one of the form that exporters write.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type Clone, clone, dev, type Running } from "../support/clone.ts";
import { moonshineRepository, type RepositoryFiles, whisperRepository } from "../support/hub-models.ts";

let project: Clone;
let running: Running | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
  project.remove();
});

const run = promisify(execFile);
/** Runs `weir`, and returns what it wrote. */
async function weir(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const program = [join(project.root, "cli/bin.mjs"), ...words];
  return run(process.execPath, program, { cwd: project.root, env: project.env as NodeJS.ProcessEnv });
}

function writeFolder(folder: string, files: RepositoryFiles): void {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

/** When somebody speaks in the film, seconds. */
const VOICES = [
  [3.2, 5],
  [20.1, 22.4],
  [38.5, 39.5],
] as const;
async function film(path: string): Promise<void> {
  const isSaid = (second: number) => VOICES.some(([from, to]) => from <= second && second < to);
  const audio = (second: number) =>
    (isSaid(second) ? 0.3 : 0.001) * (Math.sin(second * 300 * Math.PI) + Math.sin(second * 900 * Math.PI));
  await makeVideo(path, { seconds: 45, width: 64, height: 48, fps: 2, scenes: 2, audio });
}

test.each([
  ["Whisper", whisperRepository],
  ["Moonshine", moonshineRepository],
])(
  "%s of a folder is added, switched on, and what it hears is found at its second",
  {
    timeout: 400_000,
  },
  async (_family, repository) => {
    project = clone();
    writeFolder(join(project.root, "ears"), repository());
    await weir("models", "add", "./ears", "--as", "speech", "--yes");
    const config = join(project.root, "pipelines/speech-to-text/config.json");
    writeFileSync(config, readFileSync(config, "utf8").replace('  "enabled": false,\n', ""));
    await weir("generate");
    expect((await weir("validate")).stderr).toContain("4 pipelines");
    expect((await weir("doctor")).stderr).toContain("project: in order");
    const encoder = join(project.root, "models/speech/encoder_model.onnx");
    renameSync(encoder, `${encoder}.away`);
    for (const command of ["validate", "doctor"])
      await expect(weir(command), command).rejects.toMatchObject({ code: 1 });
    renameSync(`${encoder}.away`, encoder);
    expect((await weir("models", "check")).stderr).toContain("it listens");
    running = await dev(project);
    const { url } = running;
    await film(join(project.root, "talk.mp4"));
    await weir("put", join(project.root, "talk.mp4"), "weir-media/talks/talk.mp4", "--url", url);
    const search = async (words: string) => {
      const { stdout } = await weir("search", "speech", words, "--url", url, "--json");
      return (JSON.parse(stdout) as { hits: { second: number }[] }).hits;
    };
    await expect
      .poll(() => search("hello").catch(() => []), { timeout: 120_000, interval: 1_000 })
      .toHaveLength(VOICES.length);
    // Words share their segment's time: the second of two begins in its middle.
    for (const [word, share] of [
      ["hello", 0],
      ["world", 0.5],
    ] as const) {
      const seconds = (await search(word)).map(({ second }) => second).sort((a, b) => a - b);
      for (const [index, [from, to]] of VOICES.entries())
        expect(Math.abs((seconds[index] ?? 0) - (from + share * (to - from))), `${seconds}`).toBeLessThan(
          0.5,
        );
    }
    expect(await search("goodbye")).toEqual([]);
  },
);
