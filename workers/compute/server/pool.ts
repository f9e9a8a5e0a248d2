// The decoder children: as many as there are cores, one job each, the rest in a bounded line. A child that
// takes too long or too much is killed, one that dies is replaced, and the job that was in it gets the failure.
import { type ChildProcess, fork } from "node:child_process";
import { type Failure, fail, type Result } from "../../../src/shapes/failure.ts";
import { endOfExit, type JobEnd, logLastWords } from "./child-exit.ts";
import type { DecoderJob, FromChild, Output, Piece, ToChild } from "./decoder/protocol.ts";
import { residentOf, spentBy } from "./memory.ts";
import { objectName } from "./object-name.ts";
import type { ObjectCache } from "./objects/objects.ts";
import { ReadSession } from "./objects/session.ts";

export interface PoolOptions {
  size: number;
  /** Most milliseconds without an output before a child is killed. */
  timeoutMs: number;
  /** The same while no byte is being waited for: the time goes into decoding, or into going round in circles. */
  busyMs: number;
  /**
   * Processor time that a child may spend on end without asking for bytes, decoding or encoding anything,
   * milliseconds: so much, more for each megabyte it was given, for the table of a long film, and more for a
   * step that it says is long. One that goes on is going round in circles; then it is the file's fault, and no
   * second child would fare better.
   */
  spinMs: number;
  /** Resident memory of one child, bytes. */
  memory: number;
  /** Jobs running and waiting, at most. */
  capacity: number;
  /** Where the children's bytes come from. */
  objects: ObjectCache;
}

/** Who waits for a job. */
export interface JobCaller {
  /** Takes an output. The child goes no further than the next one until this has resolved. */
  onOutput(output: Output): Promise<void> | void;
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
}

/** Jobs after which a child makes way for a new one, so that native memory that was lost comes back. */
const JOBS_IN_A_LIFE = 200;
const CHECK_MS = 250;
/** Of {@link PoolOptions.spinMs}, for each megabyte. */
const SPIN_MS_PER_MB = 1000;
/** What a step may be said to take: no longer than a hundred million pixels do. */
const MAX_STEP_MS = 20_000;
/** glibc: one arena, and what is freed goes back to the system. The index of a long film comes and goes. */
const FRUGAL_MALLOC = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_MMAP_THRESHOLD_: "131072",
};

export class Pool {
  readonly options: PoolOptions;
  #idle: ChildProcess[] = [];
  /** Every child that lives, with the jobs it has done. */
  #all = new Map<ChildProcess, number>();
  #waiting: ((child: ChildProcess) => void)[] = [];
  #admitted = 0;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  /** Starts every child now, rather than when there is work for it. */
  warm(): void {
    while (this.#all.size < this.options.size) this.#idle.push(this.#spawn());
  }

  /** Takes places in the line, or says how full it is. Call `release` once the work is done. */
  admit(places: number): { ok: true; release(): void } | { ok: false; failure: Failure } {
    if (this.#admitted + places > this.options.capacity) {
      const detail = `${this.#admitted} jobs are running or waiting, of at most ${this.options.capacity}`;
      return fail("overloaded", detail, { retry_after_seconds: 2, next: "Send it again after that time." });
    }
    this.#admitted += places;
    return {
      ok: true,
      release: () => {
        this.#admitted -= places;
      },
    };
  }

  /** Runs one job in the next free child. Resolves to how it ended, if that was not well. */
  async run(job: DecoderJob, { onOutput, signal }: JobCaller): Promise<JobEnd | undefined> {
    const child = await this.#take();
    if (signal.aborted) {
      this.#free(child, 0);
      return { failure: fail("unavailable", "nobody waits for this any more").failure, died: false };
    }
    const name = objectName(job.url);
    const { timeoutMs, busyMs, spinMs, memory } = this.options;
    return new Promise((resolve) => {
      let killed: JobEnd | undefined;
      const kill = (kind: Failure["kind"], detail: string, died = false) => {
        killed ??= { failure: fail(kind, `${name} ${detail}`, { where: name }).failure, died };
        child.kill("SIGKILL");
      };
      const late = () => kill("timeout", `took over ${timeoutMs / 1000} s to read and was given up`);
      // A decoder that spends its time is caught by that; one that is still was not let run, or waits in vain.
      const stuck = () =>
        kill("timeout", `stood still in its decoder for ${busyMs / 1000} s and is to be tried again`, true);
      let timer = setTimeout(stuck, busyMs);
      const source = new ReadSession(this.options.objects, job.url, () => heard());
      let waiting = 0;
      let taking = 0;
      let over = false;
      // That a new child takes long to start is no file's fault: counted from its first word on.
      let spent = Number.POSITIVE_INFINITY;
      let given = 0;
      let step = 0;
      /** The child has come to something, or waits for bytes or to go on: silence begins anew. */
      const heard = () => {
        clearTimeout(timer);
        if (!over && taking === 0)
          timer = waiting > 0 ? setTimeout(late, timeoutMs) : setTimeout(stuck, busyMs);
        spent = spentBy(child);
      };
      const give = async (id: number, reading: Promise<Result<Piece>>) => {
        waiting += 1;
        heard();
        const got = await reading;
        waiting -= 1;
        // Wherever they came from: the source, or what is kept of it.
        if (got.ok) given += got.value.data.length;
        heard();
        send(child, { type: "bytes", id, got });
      };
      const check = setInterval(() => {
        if (residentOf(child) > memory)
          kill("bad_media", `took over ${Math.round(memory / 2 ** 20)} MB of memory to decode`, true);
        if (waiting === 0 && spentBy(child) - spent > spinMs + step + (given / 2 ** 20) * SPIN_MS_PER_MB)
          kill("bad_media", "sends its decoder round in circles: it is damaged");
      }, CHECK_MS);
      const abort = () => kill("unavailable", "is not waited for any more");
      signal.addEventListener("abort", abort);
      const settle = (ended: JobEnd | undefined) => {
        over = true;
        clearTimeout(timer);
        clearInterval(check);
        source.close();
        signal.removeEventListener("abort", abort);
        child.off("exit", onExit).off("message", onMessage);
        resolve(ended);
      };
      const take = async (output: Output) => {
        taking += 1;
        try {
          await onOutput(output);
        } catch (error) {
          console.error(error);
          kill("internal", "came to something that could not be passed on");
        }
        taking -= 1;
        send(child, { type: "taken" });
        heard();
      };
      const onMessage = (message: FromChild) => {
        // That a step begins is no sign that anything has come of the one before.
        if (message.type === "begins") {
          step = Math.min(message.most, MAX_STEP_MS);
          return;
        }
        step = 0;
        if (message.type === "output") void take(message.output);
        heard();
        if (message.type === "open") void give(message.id, source.open());
        else if (message.type === "read")
          void give(message.id, source.read(message.start, message.end, message.keep));
        else if (message.type === "end") {
          settle(message.failure && { failure: message.failure, died: false });
          this.#free(child);
        }
      };
      const onExit = (code: number | null, signal: string | null) => {
        if (child.pid) return settle(killed ?? endOfExit(name, code, signal));
        const next = "Give the instance more memory.";
        const { failure } = fail("unavailable", "no decoder could be started", { next });
        settle({ failure, died: false });
      };
      child.on("exit", onExit).on("message", onMessage);
      send(child, { type: "job", job });
    });
  }

  /** Process ids of the children that live. */
  get pids(): number[] {
    return [...this.#all.keys()].flatMap((child) => child.pid ?? []);
  }

  close(): void {
    for (const child of this.#all.keys()) child.kill("SIGKILL");
  }

  #take(): Promise<ChildProcess> {
    const idle = this.#idle.pop();
    if (idle) return Promise.resolve(idle);
    if (this.#all.size < this.options.size) return Promise.resolve(this.#spawn());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #free(child: ChildProcess, done = 1): void {
    const jobs = (this.#all.get(child) ?? 0) + done;
    this.#all.set(child, jobs);
    if (jobs >= JOBS_IN_A_LIFE) return void child.kill();
    const next = this.#waiting.shift();
    if (next) next(child);
    else this.#idle.push(child);
  }

  #spawn(): ChildProcess {
    const child = fork(new URL("./decoder/child.ts", import.meta.url), {
      env: FRUGAL_MALLOC,
      serialization: "advanced",
      execArgv: ["--max-old-space-size=1024", "--max-semi-space-size=2", "--expose-gc"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    logLastWords(child);
    this.#all.set(child, 0);
    child.on("error", (error) => {
      console.error(error);
      if (child.pid === undefined) child.emit("exit", null, null);
    });
    child.once("exit", () => {
      this.#all.delete(child);
      this.#idle = this.#idle.filter((other) => other !== child);
      const next = this.#waiting.shift();
      if (next) next(this.#spawn());
    });
    return child;
  }
}

/** A child that cannot be told has died; its exit says so. */
const send = (child: ChildProcess, message: ToChild) => child.send(message, () => {});
