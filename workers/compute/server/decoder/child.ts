// The decoder child: one job at a time from its parent, outputs back as they come. Native code that reads
// untrusted bytes lives and, if need be, dies here. It gets no secrets and no network: the bytes of the
// object that a job is about come from the parent, by message.
import process from "node:process";
import { FailureError, type Result } from "../../../../src/shapes/failure.ts";
import { EXCEPTION_CODE } from "../child-exit.ts";
import { runJob } from "./jobs.ts";
import { setListener } from "./progress.ts";
import type { DecoderJob, FromChild, JobHost, OpenedObject, Piece, ToChild } from "./protocol.ts";

const say = (message: FromChild) => process.send?.(message);
const questions = new Map<number, (got: Result<OpenedObject> | Result<Piece>) => void>();
let lastId = 0;

/** Asks the parent; the answer comes by the same number. */
function ask<T extends Piece>(question: (id: number) => FromChild): Promise<Result<T>> {
  return new Promise((resolve) => {
    lastId += 1;
    questions.set(lastId, resolve as (got: Result<Piece>) => void);
    say(question(lastId));
  });
}

const host: JobHost = {
  bytes: {
    open: () => ask<OpenedObject>((id) => ({ type: "open", id })),
    read: (start, end, keep) => ask<Piece>((id) => ({ type: "read", id, start, end, keep })),
  },
};

setListener({ alive: () => say({ type: "alive" }), begins: (most) => say({ type: "begins", most }) });

let onTaken: () => void = () => {};

/** Sends each output once the one before it was taken, and works on the next meanwhile: no more than two wait. */
async function work(job: DecoderJob): Promise<void> {
  let free = Promise.resolve();
  for await (const output of runJob(job, host)) {
    await free;
    const { promise, resolve } = Promise.withResolvers<void>();
    [free, onTaken] = [promise, resolve];
    say({ type: "output", output });
  }
  await free;
}

process.on("message", async (message: ToChild) => {
  if (message.type === "taken") return onTaken();
  if (message.type === "bytes") {
    questions.get(message.id)?.(message.got);
    questions.delete(message.id);
    return;
  }
  try {
    await work(message.job);
    say({ type: "end" });
  } catch (error) {
    if (error instanceof FailureError) say({ type: "end", failure: error.failure });
    else {
      console.error(error);
      process.exit(EXCEPTION_CODE);
    }
  }
  // Between jobs all of a job's memory is garbage; left alone, it would grow with the longest film.
  globalThis.gc?.();
});
process.on("disconnect", () => process.exit(0));
