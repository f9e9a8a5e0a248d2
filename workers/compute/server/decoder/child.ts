// The decoder child: one job at a time from its parent, outputs back as they come. Native code that reads
// untrusted bytes lives and, if need be, dies here. It gets no secrets and no network: the bytes of the
// object that a job is about come from the parent, by message.
import process from "node:process";
import { FailureError, type Result } from "../../../../src/shapes/failure.ts";
import { run } from "./jobs.ts";
import { listen } from "./progress.ts";
import type { FromChild, Host, Job, Opened, Piece, ToChild } from "./protocol.ts";

const say = (message: FromChild) => process.send?.(message);
const asked = new Map<number, (got: Result<Opened> | Result<Piece>) => void>();
let last = 0;

/** Asks the parent; the answer comes by the same number. */
function ask<T extends Piece>(question: (id: number) => FromChild): Promise<Result<T>> {
  return new Promise((resolve) => {
    last += 1;
    asked.set(last, resolve as (got: Result<Piece>) => void);
    say(question(last));
  });
}

const host: Host = {
  bytes: {
    open: () => ask<Opened>((id) => ({ type: "open", id })),
    read: (start, end, keep) => ask<Piece>((id) => ({ type: "read", id, start, end, keep })),
  },
};

listen({ alive: () => say({ type: "alive" }), begins: (most) => say({ type: "begins", most }) });

let taken: () => void = () => {};

/** Says each output once the one before it was taken, and works on the next meanwhile: no more than two wait. */
async function work(job: Job): Promise<void> {
  let free = Promise.resolve();
  for await (const output of run(job, host)) {
    await free;
    const { promise, resolve } = Promise.withResolvers<void>();
    [free, taken] = [promise, resolve];
    say({ type: "output", output });
  }
  await free;
}

process.on("message", async (message: ToChild) => {
  if (message.type === "taken") return taken();
  if (message.type === "bytes") {
    asked.get(message.id)?.(message.got);
    asked.delete(message.id);
    return;
  }
  try {
    await work(message.job);
    say({ type: "end" });
  } catch (error) {
    if (error instanceof FailureError) say({ type: "end", failure: error.failure });
    else {
      console.error(error);
      process.exit(70);
    }
  }
  // Between jobs all of a job's memory is garbage; left alone, it would grow with the longest film.
  globalThis.gc?.();
});
process.on("disconnect", () => process.exit(0));
