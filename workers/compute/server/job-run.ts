// One job in one decoder child, from the message that hands it over to its end: bytes go in, outputs come out. A child
// that takes too long, holds too much or goes round in circles is killed. pool.ts picks the child and frees it.
import type { ChildProcess } from "node:child_process";
import { type Failure, fail, type Result } from "../../../src/shapes/failure.ts";
import { endOfExit, type JobEnd } from "./child-exit.ts";
import type { DecoderJob, FromChild, Output, Piece, ToChild } from "./decoder/protocol.ts";
import { residentOf, spentBy } from "./memory.ts";
import { objectName } from "./object-name.ts";
import type { ObjectCache } from "./objects/objects.ts";
import { ReadSession } from "./objects/session.ts";

/** Who waits for a job. */
export interface JobCaller {
  /** Takes an output. The child goes no further than the next one until this has resolved. */
  onOutput(output: Output): Promise<void> | void;
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
}

/** Bounds of one job's time and memory. */
export interface JobLimits {
  /** Most milliseconds without a sign of the child while it waits for bytes. */
  timeoutMs: number;
  /** The same while it waits for none: the time goes into decoding, or into going round in circles. */
  busyMs: number;
  /**
   * Processor time that a child may spend on end without asking for bytes, decoding or encoding anything,
   * milliseconds: so much, more for each megabyte that it was given, for the table of a long film, and more for a
   * step that it says is long. One that goes on is going round in circles; then it is the file's fault, and no
   * second child would fare better.
   */
  spinMs: number;
  /** Resident memory of one child, bytes. */
  memory: number;
}

const CHECK_MS = 250;
/** Addition to {@link JobLimits.spinMs} for each megabyte. */
const SPIN_MS_PER_MB = 1000;
/** What a step may be said to take: no longer than a hundred million pixels do. */
const MAX_STEP_MS = 20_000;

/** One job in one child. Created for each job, and run once. */
export class JobRun {
  readonly #child: ChildProcess;
  readonly #job: DecoderJob;
  readonly #name: string;
  readonly #caller: JobCaller;
  readonly #limits: JobLimits;
  readonly #session: ReadSession;
  readonly #end = Promise.withResolvers<JobEnd | undefined>();
  #killed: JobEnd | undefined;
  #isOver = false;
  #silence: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;
  /** Reads that the child waits for, and outputs that its caller has not taken yet. */
  #reads = 0;
  #outputs = 0;
  #givenBytes = 0;
  /** What the step that has begun may take besides. */
  #stepMs = 0;
  /**
   * Processor time of the child at its last sign. That a new child takes long to start is no file's fault: counted from
   * its first word on.
   */
  #spentMs = Number.POSITIVE_INFINITY;

  constructor(
    child: ChildProcess,
    job: DecoderJob,
    caller: JobCaller,
    limits: JobLimits,
    objects: ObjectCache,
  ) {
    this.#child = child;
    this.#job = job;
    this.#name = objectName(job.url);
    this.#caller = caller;
    this.#limits = limits;
    this.#session = new ReadSession(objects, job.url, () => this.#noteSign());
  }

  /** Hands the job over. Resolves to how it ended, if that was not well. */
  run(): Promise<JobEnd | undefined> {
    this.#restartSilence();
    this.#check = setInterval(() => this.#checkLimits(), CHECK_MS);
    this.#caller.signal.addEventListener("abort", this.#onAbort);
    this.#child.on("exit", this.#onExit).on("message", this.#onMessage);
    this.#send({ type: "job", job: this.#job });
    return this.#end.promise;
  }

  readonly #onMessage = (message: FromChild): void => {
    // That a step begins is no sign that anything has come of the one before.
    if (message.type === "begins") {
      this.#stepMs = Math.min(message.most, MAX_STEP_MS);
      return;
    }
    this.#stepMs = 0;
    if (message.type === "output") void this.#passOutput(message.output);
    this.#noteSign();
    if (message.type === "open") void this.#giveBytes(message.id, this.#session.open());
    else if (message.type === "read")
      void this.#giveBytes(message.id, this.#session.read(message.start, message.end, message.keep));
    else if (message.type === "end")
      this.#settle(message.failure && { failure: message.failure, died: false });
  };

  async #giveBytes(id: number, reading: Promise<Result<Piece>>): Promise<void> {
    this.#reads += 1;
    this.#noteSign();
    const got = await reading;
    this.#reads -= 1;
    // Wherever they came from: the source, or what is kept of it.
    if (got.ok) this.#givenBytes += got.value.data.length;
    this.#noteSign();
    this.#send({ type: "bytes", id, got });
  }

  async #passOutput(output: Output): Promise<void> {
    this.#outputs += 1;
    try {
      await this.#caller.onOutput(output);
    } catch (error) {
      console.error(error);
      this.#kill("internal", "came to something that could not be passed on");
    }
    this.#outputs -= 1;
    this.#send({ type: "taken" });
    this.#noteSign();
  }

  /** The child has come to something, or waits for bytes or to go on: silence begins anew. */
  #noteSign(): void {
    this.#restartSilence();
    this.#spentMs = spentBy(this.#child);
  }

  /** Silence is not counted while the caller takes an output, which may take as long as it does. */
  #restartSilence(): void {
    clearTimeout(this.#silence);
    if (this.#isOver || this.#outputs > 0) return;
    const [limitMs, kill] =
      this.#reads > 0
        ? [this.#limits.timeoutMs, () => this.#killLate()]
        : [this.#limits.busyMs, () => this.#killStill()];
    this.#silence = setTimeout(kill, limitMs);
  }

  #killLate(): void {
    this.#kill("timeout", `took over ${this.#limits.timeoutMs / 1000} s to read and was given up`);
  }

  /** Kills a child that stands still: it was not let run, or waits in vain. One that spends its time spins. */
  #killStill(): void {
    const seconds = this.#limits.busyMs / 1000;
    this.#kill("timeout", `stood still in its decoder for ${seconds} s and is to be tried again`, true);
  }

  #checkLimits(): void {
    const { memory, spinMs } = this.#limits;
    if (residentOf(this.#child) > memory)
      this.#kill("bad_media", `took over ${Math.round(memory / 2 ** 20)} MB of memory to decode`, true);
    const mostMs = spinMs + this.#stepMs + (this.#givenBytes / 2 ** 20) * SPIN_MS_PER_MB;
    if (this.#reads === 0 && spentBy(this.#child) - this.#spentMs > mostMs)
      this.#kill("bad_media", "sends its decoder round in circles: it is damaged");
  }

  #kill(kind: Failure["kind"], what: string, died = false): void {
    this.#killed ??= { failure: fail(kind, `${this.#name} ${what}`, { where: this.#name }).failure, died };
    this.#child.kill("SIGKILL");
  }

  readonly #onAbort = (): void => this.#kill("unavailable", "is not waited for any more");

  readonly #onExit = (code: number | null, signal: string | null): void => {
    const next = "Give the instance more memory.";
    if (this.#child.pid) this.#settle(this.#killed ?? endOfExit(this.#name, code, signal));
    else
      this.#settle({
        failure: fail("unavailable", "no decoder could be started", { next }).failure,
        died: false,
      });
  };

  #settle(end: JobEnd | undefined): void {
    this.#isOver = true;
    clearTimeout(this.#silence);
    clearInterval(this.#check);
    this.#session.close();
    this.#caller.signal.removeEventListener("abort", this.#onAbort);
    this.#child.off("exit", this.#onExit).off("message", this.#onMessage);
    this.#end.resolve(end);
  }

  /** A child that cannot be reached has died; its exit says so. */
  #send(message: ToChild): void {
    this.#child.send(message, () => {});
  }
}
