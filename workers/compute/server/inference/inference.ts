// The parent's side of the inference process: started with the first question, started again when it dies, and
// ended with the server. A question is asked of at most two processes.
import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { type Failure, FailureError, fail } from "../../../../src/shapes/failure.ts";
import type { Modality, Models } from "../../../../src/shapes/model.ts";
import { residentOf } from "../memory.ts";
import type { FromInference, ToInference } from "./child.ts";
import type { ModelInput, ModelOutput } from "./run.ts";
import type { HeardSound, WrittenSound } from "./sound.ts";

export interface InferenceOptions {
  models: Models;
  /** The folder that model files are named from. */
  root: string;
  /** Threads that one run may use. */
  threads: number;
  /** Resident memory, bytes. */
  memory: number;
  /** Milliseconds without an answer while one is awaited; loading a large model is one such time. */
  patienceMs: number;
}

/** A question without an answer yet. */
interface OpenQuestion {
  question: Exclude<ToInference, { type: "begin" }>;
  tries: number;
  resolve(output: ModelOutput | WrittenSound): void;
  reject(error: FailureError): void;
}

const MEMORY_CHECK_MS = 500;

/** The inference process and the questions that wait for its answer. */
export class Inference {
  readonly #options: InferenceOptions;
  readonly #open = new Map<number, OpenQuestion>();
  #child: ChildProcess | undefined;
  #last = 0;
  #cause: Failure | undefined;
  #patience: NodeJS.Timeout | undefined;
  #memoryCheck: NodeJS.Timeout | undefined;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /** The vector of one input, and those of its frames. Throws {@link FailureError}. `anySize`: of whatever size. */
  async embed(model: string, modality: Modality, input: ModelInput, anySize = false): Promise<ModelOutput> {
    const id = ++this.#last;
    return (await this.#answer({ type: "ask", id, model, modality, anySize, ...input })) as ModelOutput;
  }

  /** What is said in some sound, by a speech model. Throws {@link FailureError}. */
  async write(model: string, sound: HeardSound): Promise<WrittenSound> {
    const id = ++this.#last;
    return (await this.#answer({ type: "hear", id, model, ...sound })) as WrittenSound;
  }

  /** Its process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  close(): void {
    this.#child?.removeAllListeners("exit").kill("SIGKILL");
    this.#forget();
    for (const { reject } of this.#open.values()) reject(new FailureError(STOPPED));
    this.#open.clear();
  }

  #answer(question: OpenQuestion["question"]): Promise<ModelOutput | WrittenSound> {
    return new Promise((resolve, reject) => this.#ask({ question, tries: 0, resolve, reject }));
  }

  #ask(open: OpenQuestion): void {
    open.tries++;
    this.#open.set(open.question.id, open);
    this.#child ??= this.#start();
    send(this.#child, open.question);
    if (this.#open.size === 1) this.#wait();
  }

  #hear(message: FromInference): void {
    const open = this.#open.get(message.id);
    this.#open.delete(message.id);
    if ("failure" in message) open?.reject(new FailureError(message.failure));
    else open?.resolve(message);
    this.#wait();
  }

  /** Begins to wait for the next answer, if there is one to come. */
  #wait(): void {
    clearTimeout(this.#patience);
    if (this.#open.size === 0) return;
    const { patienceMs } = this.#options;
    this.#patience = setTimeout(() => this.#kill(`came to nothing in ${patienceMs / 1000} s`), patienceMs);
  }

  #kill(what: string): void {
    this.#cause = fail("unavailable", `the model ${what}`, {
      next: "Give the instance more memory and cores.",
    }).failure;
    this.#child?.kill("SIGKILL");
  }

  #start(): ChildProcess {
    const { models, root, threads, memory } = this.#options;
    const child = fork(new URL("./child.ts", import.meta.url), {
      env: { TMPDIR: tmpdir() },
      execArgv: ["--max-semi-space-size=2"],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    send(child, { type: "begin", models, root, threads });
    child.on("message", (message: FromInference) => this.#hear(message));
    child.on("error", (error) => {
      console.error(error);
      if (child.pid === undefined) child.emit("exit", null, null);
    });
    child.on("exit", (code, signal) => this.#ended(signal ?? `exit ${code}`));
    this.#memoryCheck = setInterval(() => {
      if (residentOf(child) > memory) this.#kill(`took over ${Math.round(memory / 2 ** 20)} MB of memory`);
    }, MEMORY_CHECK_MS).unref();
    return child;
  }

  /** Sends the open questions to another process, once: the first may have died of something else. */
  #ended(how: string): void {
    const failure =
      this.#cause ?? fail("unavailable", `the process that runs models stopped (${how})`).failure;
    this.#forget();
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const question of open) {
      if (question.tries < 2) this.#ask(question);
      else question.reject(new FailureError(failure));
    }
  }

  #forget(): void {
    clearTimeout(this.#patience);
    clearInterval(this.#memoryCheck);
    this.#child = undefined;
    this.#cause = undefined;
  }
}

const STOPPED: Failure = { kind: "unavailable", detail: "the compute server is stopping" };

/** A process that cannot be reached has died; its exit says so. */
const send = (child: ChildProcess, message: ToInference) => child.send(message, () => {});
