// How soon a collection answers with what is in the bucket, through the whole local stack: from putting a picture until it
// is found, and from deleting it until it is not, as multiples of an empty run: from putting a text, whose handler returns
// at once, until its run has succeeded. Medians, in turns.
import { setTimeout as pause } from "node:timers/promises";
import { WeirClient } from "../src/client/client.ts";
import { png } from "../test/support/png.ts";
import { API_KEY, startWeir } from "../test/support/weir.ts";
import { median } from "./support/workerd.ts";

const ROUNDS = 15;
/** Between two looks: they are not to be what the machine is busy with. */
const LOOK_MS = 5;

process.env.COMPUTE_TOKEN ??= "bench";
const weir = await startWeir();
const api = new WeirClient({ url: weir.base, key: API_KEY });

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(LOOK_MS);
}

/** Milliseconds from a deed until something is so. */
async function timed(deed: () => Promise<unknown>, isSo: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  await deed();
  await until(isSo);
  return performance.now() - began;
}

const isFound = (key: string) => async () => {
  const filter = { object: { key: [key] } };
  return (await api.searchCollection("image_catalog", { filter, limit: 1 })).hits.length > 0;
};

async function emptyRun(key: string): Promise<number> {
  const object = await weir.put("test-media", key, "nothing");
  return timed(
    () => weir.deliver("conn_media", weir.s3Records(object)),
    async () => {
      const [event] = (await api.listEvents({ key, limit: 1 })).data;
      if (!event) return false;
      const { data } = await api.listRuns({ event_id: event.id });
      return data.some(({ alias, status }) => alias === "echo" && status === "succeeded");
    },
  );
}

const times = { run: [] as number[], put: [] as number[], gone: [] as number[] };
for (let round = -2; round < ROUNDS; round++) {
  const key = `fresh/${round}.png`;
  const picture = png(320, 240, (x, y) => [x % 256, y % 256, (round * 16 + 64) % 256]);
  const run = await emptyRun(`fresh/${round}.txt`);
  const object = await weir.put("test-photos", key, picture);
  const put = await timed(() => weir.deliver("conn_photos", weir.s3Records(object)), isFound(key));
  const removed = await weir.remove("test-photos", key);
  const gone = await timed(
    () => weir.deliver("conn_photos", weir.s3Records(removed)),
    async () => !(await isFound(key)()),
  );
  if (round < 0) continue;
  times.run.push(run);
  times.put.push(put);
  times.gone.push(gone);
}
await weir.close();

const [run, put, gone] = [median(times.run), median(times.put), median(times.gone)];
const said = {
  "an empty run, ms": run,
  "picture put until found, ms": put,
  "deleted until not found, ms": gone,
  "put until found, empty runs": put / run,
  "deleted until not found, empty runs": gone / run,
};
for (const [name, value] of Object.entries(said)) console.log(`${name.padEnd(40)} ${value.toFixed(2)}`);
console.log(JSON.stringify(said));
process.exit(0);
