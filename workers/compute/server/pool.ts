// The decoder children: as many as there are cores, one job each (job-run.ts), the rest in a bounded line. A child that
// dies is replaced, and one that has done many jobs makes way for a new one.
import { type ChildProcess, fork } from "node:child_process";
import { type Failure, fail } from "../../../src/shapes/failure.ts";
import { type JobEnd, logLastWords } from "./child-exit.ts";
import type { DecoderJob } from "./decoder/protocol.ts";
import { type JobCaller, type JobLimits, JobRun } from "./job-run.ts";
import type { ObjectCache } from "./objects/objects.ts";

export interface PoolOptions extends JobLimits {
  /** Children, at most. */
  size: number;
  /** Jobs running and waiting, at most. */
  capacity: number;
  /** Where the children's bytes come from. */
  objects: ObjectCache;
}

/** Jobs after which a child makes way for a new one, so that native memory that was lost comes back. */
const JOBS_IN_A_LIFE = 200;
/** glibc: one arena, and what is freed goes back to the system. The index of a long film comes and goes. */
const FRUGAL_MALLOC = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRIM_THRESHOLD_: "131072",
  MALLOC_MMAP_THRESHOLD_: "131072",
};

/** The children, those of them that are free, and the jobs that wait for one. */
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
  async run(job: DecoderJob, caller: JobCaller): Promise<JobEnd | undefined> {
    const child = await this.#take();
    if (caller.signal.aborted) {
      this.#free(child, 0);
      return { failure: fail("unavailable", "nobody waits for this any more").failure, died: false };
    }
    const end = await new JobRun(child, job, caller, this.options, this.options.objects).run();
    // A child that died has left by itself.
    if (this.#all.has(child)) this.#free(child);
    return end;
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
