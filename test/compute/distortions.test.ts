// weir/hog-512 finds a moment again in copies that were encoded again, rescaled, lightened, darkened and
// stamped: 64 scenes of 8 films are known, and each query must come to its own. The table is printed.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeVideo } from "../../cli/sample-media/media.ts";
import { type RunningServer, startServer } from "../../workers/compute/server/main.ts";
import { type Distortion, distort } from "./distort.ts";
import { post, type Source, startSource } from "./source.ts";

const FILMS = 8;
const SCENES = 8;
/** Seconds of a scene; a query is the middle of it, so that it shares few frames with what is known. */
const SCENE = 2;
const FPS = 5;
const ASKED = 0.85;

const logo =
  "drawbox=x=iw*0.7:y=ih*0.06:w=iw*0.24:h=ih*0.2:color=white:t=fill,drawbox=x=iw*0.74:y=ih*0.1:w=iw*0.1:h=ih*0.12:color=red:t=fill";
const distortions: Record<string, Distortion> = {
  "encoded again, coarsely": { crf: 40 },
  "half the size": { filters: "scale=160:90" },
  "half as large again": { filters: "scale=480:270" },
  "squeezed to 4:3": { filters: "scale=240:180" },
  lighter: { filters: "eq=brightness=0.15" },
  darker: { filters: "eq=brightness=-0.15" },
  "a logo stamped on": { filters: logo },
  "all at once": { filters: `scale=192:108,eq=brightness=0.1,${logo}`, crf: 35 },
};

let folder: string;
let source: Source;
let compute: RunningServer;
let known: Float32Array[];
const pathOf = (film: number) => join(folder, `${film}.mp4`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-test-"));
  source = await startSource();
  compute = await startServer({ port: 0, log: () => {}, allowOrigins: [source.origin] });
  for (let film = 0; film < FILMS; film++) {
    const options = { seconds: SCENES * SCENE, width: 320, height: 180, fps: FPS, scenes: SCENES };
    await makeVideo(pathOf(film), { ...options, gopSeconds: 1, seed: film + 1 });
  }
  known = await vectors("known", (film) => pathOf(film), 0, SCENE);
});
afterAll(async () => {
  await compute.close();
  await source.close();
  await rm(folder, { recursive: true });
});

/** A vector for each scene of each film, of its part from one second to another. */
async function vectors(name: string, path: (film: number) => string, from: number, to: number) {
  const items: object[] = [];
  for (let film = 0; film < FILMS; film++) {
    const url = source.put(`/${name}/${film}.mp4`, await readFile(path(film)));
    for (let scene = 0; scene < SCENES; scene++)
      items.push({ url, span: { start: scene * SCENE + from, end: scene * SCENE + to } });
  }
  const { lines } = await post(compute.url, "/v1/embed", { items, kind: "video", model: "weir/hog-512" });
  const all = new Array<Float32Array>(items.length);
  for (const { index, embedding } of lines)
    all[index] = new Float32Array(Uint8Array.from(Buffer.from(embedding, "base64")).buffer);
  return all;
}

const cosine = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const nearest = (query: Float32Array) => {
  const alike = known.map((vector) => cosine(query, vector));
  return alike.indexOf(Math.max(...alike));
};

const table: string[] = [];
test.each(Object.entries(distortions))("%s", async (name, how) => {
  for (let film = 0; film < FILMS; film++) await distort(pathOf(film), `${pathOf(film)}.mp4`, FPS, how);
  const queries = await vectors("query", (film) => `${pathOf(film)}.mp4`, 0.4, SCENE - 0.4);
  const found = queries.map(nearest);
  const moments = found.filter((at, i) => at === i).length;
  const films = found.filter((at, i) => Math.floor(at / SCENES) === Math.floor(i / SCENES)).length;
  const share = (count: number) => `${((100 * count) / queries.length).toFixed(1).padStart(5)} %`;
  table.push(`${name.padEnd(26)} ${share(films)}   ${share(moments)}`);
  expect(queries).toHaveLength(FILMS * SCENES);
  expect(moments / queries.length).toBeGreaterThanOrEqual(ASKED);
});

afterAll(() => {
  const head = `weir/hog-512, ${FILMS * SCENES} scenes`.padEnd(26);
  console.log([`${head}  film      moment`, ...table].join("\n"));
});
