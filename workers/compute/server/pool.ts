// The decoder children: as many as there are cores, one job each, the rest in a bounded line. A child that
// takes too long is killed, one that dies is replaced, and the job that was in it gets the failure.
import { type ChildProcess, fork } from "node:child_process";
import { type Failure, fail } from "../../../src/shapes/failure.ts";
import type { FromChild } from "./child.ts";
import type { Job, Output } from "./jobs.ts";
import { objectName } from "./source.ts";

export interface PoolOptions {
  size: number;
  /** Most milliseconds without an output before a child is killed. */
  timeoutMs: number;
  /** Jobs running and waiting, at most. */
  capacity: number;
}

/** Jobs after which a child makes way for a new one, so that native memory that was lost comes back. */
const JOBS_IN_A_LIFE = 200;

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

  /** Runs one job in the next free child. Resolves to the failure that ended it, if one did. */
  async run(job: Job, onOutput: (output: Output) => void): Promise<Failure | undefined> {
    const child = await this.#take();
    const name = objectName(job.url);
    return new Promise((resolve) => {
      let late = false;
      const kill = () => {
        late = true;
        child.kill("SIGKILL");
      };
      let timer = setTimeout(kill, this.options.timeoutMs);
      const onMessage = (message: FromChild) => {
        clearTimeout(timer);
        if (message.type === "output") {
          timer = setTimeout(kill, this.options.timeoutMs);
          onOutput(message.output);
        } else {
          child.off("exit", onExit).off("message", onMessage);
          this.#free(child);
          resolve(message.failure);
        }
      };
      const onExit = (code: number | null, signal: string | null) => {
        clearTimeout(timer);
        const seconds = this.options.timeoutMs / 1000;
        const failure = !child.pid
          ? fail("unavailable", "no decoder could be started", { next: "Give the instance more memory." })
          : late
            ? fail("timeout", `${name} took over ${seconds} s to decode and was given up`, { where: name })
            : fail("bad_media", `${name} made its decoder stop (${signal ?? `exit ${code}`})`, {
                where: name,
              });
        resolve(failure.failure);
      };
      child.on("exit", onExit).on("message", onMessage);
      // A child that cannot be told of its job has died; its exit says so.
      child.send(job, () => {});
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

  #free(child: ChildProcess): void {
    const jobs = (this.#all.get(child) ?? 0) + 1;
    this.#all.set(child, jobs);
    if (jobs >= JOBS_IN_A_LIFE) return void child.kill();
    const next = this.#waiting.shift();
    if (next) next(child);
    else this.#idle.push(child);
  }

  #spawn(): ChildProcess {
    const child = fork(new URL("./child.ts", import.meta.url), {
      env: {},
      execArgv: ["--max-old-space-size=1024"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
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
