// Events per second through match, record and dispatch, in batches of 100 that match 1, 10 and 100 pipelines, in workerd
// with real D1 and queues; against writing the same rows with one bare D1 batch, in the same run.
// Last line: the ratios, and the round trips to D1 that a batch costs.
import { openDelivery } from "./support/delivery.ts";
import { median } from "./support/workerd.ts";

const BATCH = 100;
const PIPELINES = [1, 10, 100];
const ROUNDS = 9;

const delivery = await openDelivery();

const result: Record<string, number> = {};
for (const pipelines of PIPELINES) {
  // The first of each compiles, and puts the deployment on record.
  for (const work of ["nothing", "bare", "route"] as const) await delivery.batch(work, BATCH, pipelines);
  const ms = { nothing: [] as number[], bare: [] as number[], route: [] as number[] };
  const roundTrips = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const work of ["nothing", "bare", "route"] as const) {
      const taken = await delivery.batch(work, BATCH, pipelines);
      ms[work].push(taken.ms);
      if (work === "route") roundTrips.add(taken.roundTrips);
    }
  }
  const spent = (work: "bare" | "route") => median(ms[work]) - median(ms.nothing);
  const rate = (work: "bare" | "route") => Math.round((BATCH * 1000) / spent(work));
  console.log(
    `${pipelines} pipelines: ${rate("route")} events/s (${rate("route") * pipelines} runs/s); ` +
      `the same rows bare: ${rate("bare")} events/s; round trips to D1: ${[...roundTrips]}`,
  );
  result[`route_over_bare_${pipelines}`] = Number((rate("route") / rate("bare")).toFixed(2));
  result[`round_trips_${pipelines}`] = Math.max(...roundTrips);
}
await delivery.close();
console.log(JSON.stringify(result));
