// Cost of the nastiest bodies for the router: every door that takes JSON, in real workerd, gets seeded bodies of at most
// 100 KB that are built to hurt (deep, wide, long, multiplied; support/nasty.ts), each beside a plain one of the same
// door. Measured are the processor time and the peak memory of workerd itself, so that a busy machine does not count.
// `npm run bench -- doors [bodies a door] [seed]`; the last line is JSON. Linux only: it reads /proc.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type DoorPath, nastyBody, plainBody } from "./support/nasty.ts";

const BODIES = Number(process.argv[2] ?? 60);
const SEED = Number(process.argv[3] ?? 1);
/** Length of a kernel tick of processor time. */
const TICK_MS = 10;
/** Number of times that a body is sent in a row: its time is measured to a tick divided by this. */
const REPEATS = 3;
const MAX_MS = 200;
const MAX_MB = 64;

process.env.COMPUTE_TOKEN ??= "bench";
const { startWeir } = await import("../test/support/weir.ts");
const weir = await startWeir();
const workerds = readdirSync("/proc").filter((pid) => {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const [, name = "", rest = ""] = /\((.*)\) \S (.*)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return name === "workerd" && isOurs(Number(rest.split(" ")[0]));
  } catch {
    return false;
  }
});
if (workerds.length === 0) throw new Error("There is no workerd among the processes that this one started.");

/** Whether a process was started by this one, however many stand between them. */
function isOurs(pid: number): boolean {
  if (pid === process.pid) return true;
  if (pid <= 1) return false;
  const [, parent = "0"] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  return isOurs(Number(parent));
}

/** Processor time that workerd has used so far, ms. */
function usedMs(): number {
  const ticks = workerds.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, count) => sum + count, 0) * TICK_MS;
}

/** Memory of workerd, MB: what it holds, and the most that it held since `forgetPeak`. */
function memoryMb(field: "VmRSS" | "VmHWM"): number {
  const sizes = workerds.map((pid) =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}
const forgetPeak = () => {
  for (const pid of workerds) writeFileSync(`/proc/${pid}/clear_refs`, "5");
};

interface Cost {
  ms: number;
  mb: number;
  answerKb: number;
  status: number;
}

async function costOf(door: DoorPath, body: string): Promise<Cost> {
  forgetPeak();
  const held = memoryMb("VmRSS");
  const before = usedMs();
  let [answerKb, status] = [0, 0];
  for (let n = 0; n < REPEATS; n++) {
    const path = door.replace(/\{\w+\}/g, (part) => (part === "{move}" ? "pause" : "echo"));
    const headers = {
      "content-type": "application/json",
      ...(door.endsWith("/events") && { "x-bench": "1" }),
    };
    const response = await weir.api(path, { method: "POST", headers, body });
    answerKb = Math.max(answerKb, (await response.text()).length / 1024);
    status = response.status;
  }
  return { ms: (usedMs() - before) / REPEATS, mb: memoryMb("VmHWM") - held, answerKb, status };
}

const { paths } = (await (await weir.fetch("/openapi.json")).json()) as { paths: Record<string, object> };
const doors = Object.entries(paths).flatMap(([path, methods]) => ("post" in methods ? [path] : []));
doors.push("/v1/connections/conn_media/events");

const worst: Record<string, { ms: number; plain_ms: number; mb: number; answer_kb: number; of: string }> = {};
for (const door of doors) {
  const plain = plainBody(door);
  for (let n = 0; n < 5; n++) await costOf(door, plain);
  const plainMs: number[] = [];
  const top = { ms: 0, plain_ms: 0, mb: 0, answer_kb: 0, of: "" };
  for (let n = 0; n < BODIES; n++) {
    if (n % 5 === 0) plainMs.push((await costOf(door, plain)).ms);
    const { kind, body } = nastyBody(door, SEED * 100_003 + n);
    let cost = await costOf(door, body);
    // Garbage of the bodies before is collected at the cost of one: what is worst must be so again.
    if (cost.ms > top.ms || cost.mb > top.mb) {
      const again = await costOf(door, body);
      cost = { ...cost, ms: Math.min(cost.ms, again.ms), mb: Math.min(cost.mb, again.mb) };
    }
    if (cost.status >= 500)
      throw new Error(`${door} answered ${cost.status} to ${kind}, body ${n} of seed ${SEED}`);
    if (cost.ms > top.ms) [top.ms, top.of] = [cost.ms, kind];
    top.mb = Math.max(top.mb, cost.mb);
    top.answer_kb = Math.max(top.answer_kb, cost.answerKb);
  }
  top.plain_ms = plainMs.toSorted((a, b) => a - b)[plainMs.length >> 1] ?? 0;
  worst[door] = {
    ...top,
    ms: Math.round(top.ms),
    plain_ms: Math.round(top.plain_ms),
    mb: Math.round(top.mb),
    answer_kb: Math.round(top.answer_kb),
  };
  console.log(`${door}: ${JSON.stringify(worst[door])}`);
}
await weir.close();
const all = Object.values(worst);
const [ms, mb] = [Math.max(...all.map((cost) => cost.ms)), Math.max(...all.map((cost) => cost.mb))];
const within = ms <= MAX_MS && mb <= MAX_MB;
console.log(
  JSON.stringify({
    seed: SEED,
    bodies: BODIES * doors.length,
    worst_ms: ms,
    worst_mb: mb,
    within,
    doors: worst,
  }),
);
process.exit(within ? 0 : 1);
