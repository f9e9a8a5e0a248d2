// Narrator of the local stack: turns the log lines of its Workers into a line for a person per event and attempt, and
// knows which attempts are going. What a handler writes to its console is passed on.
import { stripVTControlCharacters } from "node:util";
import { bad, good, note, say } from "../io/output.ts";
import { RESTARTED } from "./keep-up.ts";

/** Attempt that has begun and not ended, as far as the logs say. */
export interface GoingAttempt {
  alias: string;
  run_id: string;
  object: string;
}

export interface Narrator {
  /** Takes a line of a process of the stack. */
  line(text: string): void;
  /** Attempts that are going, the latest first. */
  going(): GoingAttempt[];
  /** Whether wrangler is reloading Workers, in which time nothing answers. */
  reloading(): boolean;
}

export interface NarratorOptions {
  /** Gets log lines as they are, in place of words for a person. */
  json?: (line: string) => void;
  /** Finds the place in a source of the frames of a failure; the frames' own where there is none. */
  placeOf?: (alias: string, frames: string) => string;
  /** Whether a pipeline is not started, so that its runs wait: said once of each. */
  isLeftOut?: (alias: string) => boolean;
  /** Remark on the runs of a pipeline, such as that an older version runs. */
  remarkOn?: (alias: string) => string | undefined;
}

interface EventEntry {
  type: string;
  sender: string;
  bucket: string;
  key: string;
  matched: string[];
  refused: number;
}

interface RefusalEntry {
  connection: string;
  scheme: string;
  detail: string;
  where?: string;
  expected?: string;
}

interface AttemptEntry {
  run_id: string;
  attempt: number;
  bucket: string;
  key: string;
  status: string;
  next: string;
  ms: number;
  items?: number;
  reason?: string;
  failure?: string;
  detail?: string;
  where?: string;
  log?: string[];
}

/** Lines that wrangler repeats at every reload, requests, and errors of files of its own. */
const NOISE = [
  /^(\s*|env\.\S+ .*|Binding +Resource.*|\S+ has access to the following bindings:|⎔ .*)$/,
  /^\[wrangler:info\] ([A-Z]+ .* [1-4]\d\d |Ready on )/,
  /^\{"at":"compute",/,
  /^(Using secrets defined in |🪵 )/,
  /✘ \[ERROR\] (Build failed with \d+ errors?:|.*\.wrangler\/tmp\/)/,
];
/** End that whoever ended the Workers has spoken of. */
const RESTART = `wrangler dev ${RESTARTED}; starting it again`;
const MAX_MESSAGE_CHARACTERS = 600;

/** Makes a narrator that prints to the terminal. */
export function openNarrator({
  json,
  placeOf = (_, frames) => frames,
  isLeftOut = () => false,
  remarkOn = () => undefined,
}: NarratorOptions = {}): Narrator {
  const going = new Map<string, GoingAttempt>();
  const sayLeftOut = sayerOfLeftOut();
  let reloading = false;
  // What wrangler says while it starts again is said at no other start.
  let starting = false;

  const narrateAttempt = (alias: string, entry: AttemptEntry) => {
    const { run_id, attempt, status, next, ms, items, reason, failure, detail, where, log = [] } = entry;
    const subject = `${alias}  ${objectOf(entry)}`;
    if (status === "succeeded") {
      const count = items === undefined ? "" : `${items} item${items === 1 ? "" : "s"}, `;
      good(`${subject}: ${count}${ms} ms${reason === undefined ? "" : ` (${reason})`}`);
    } else if (status === "skipped" || status === "cancelled") {
      note(`– ${subject}: ${status}, ${reason ?? "without a reason"}`);
    } else {
      const place = where === undefined ? "" : `\n    at ${placeOf(alias, where)}`;
      const after =
        next === "dead" ? "a dead letter now" : next === "done" ? "no further attempt" : "tried again";
      const why = `${failure ?? status}${detail === undefined ? "" : `: ${detail.slice(0, MAX_MESSAGE_CHARACTERS)}`}`;
      bad(`${subject}: ${why}${place}\n    attempt ${attempt}, ${after}; ${run_id}`);
    }
    for (const line of log) note(`    log  ${line}`);
    const remark = remarkOn(alias);
    if (remark !== undefined) note(`    ${remark}`);
  };

  const narrate = (worker: string, line: { log: string } & Record<string, unknown>) => {
    const { log: name, ...fields } = line;
    switch (name) {
      case "events":
        for (const entry of fields.events as EventEntry[]) printEvent(entry);
        return;
      case "attempts":
        for (const entry of fields.attempts as AttemptEntry[]) narrateAttempt(fields.alias as string, entry);
        return;
      case "attempt":
        return;
      case "binding.failed":
        if (!isLeftOut(String(fields.alias))) break;
        return sayLeftOut(String(fields.alias));
      case "refused":
        return bad(refusalText(fields as unknown as RefusalEntry));
    }
    note(`${worker}  ${name}: ${wordsOf(fields)}`);
  };

  return {
    line(text) {
      if (/^⎔ Reloading/.test(text)) reloading = true;
      if (/^⎔ Local server updated/.test(text)) reloading = false;
      const isEnd = /^wrangler dev .*; starting it again$/.test(text);
      // With its process an attempt has ended.
      if (isEnd) going.clear();
      const plain = stripVTControlCharacters(text);
      const [, worker = "weir", rest = plain] = /^\[([\w-]+)\] (.*)$/s.exec(plain) ?? [];
      const line = logLine(rest);
      if (line) follow(going, line);
      if (/\] Ready on /.test(text)) starting = false;
      if (json) return line && json(JSON.stringify({ worker, ...line }));
      if (line) narrate(worker.replace(/^weir-/, ""), line);
      else if (!starting && text !== RESTART && !NOISE.some((noise) => noise.test(plain)))
        say(text.replace(/^\[weir-([\w-]+)\] /, "$1  "));
      starting ||= isEnd;
    },
    going: () => [...going.values()].reverse(),
    reloading: () => reloading,
  };
}

/** Keeps account of the attempts that are going. */
function follow(going: Map<string, GoingAttempt>, { log: name, ...fields }: { log: string }): void {
  if (name === "attempt") {
    const { alias, run_id, bucket, key } = fields as GoingAttempt & AttemptEntry;
    going.set(run_id, { alias, run_id, object: objectOf({ bucket, key }) });
  } else if (name === "attempts") {
    for (const { run_id } of (fields as { attempts: AttemptEntry[] }).attempts) going.delete(run_id);
  }
}

/** Makes a function that says once of each pipeline that its runs wait. */
function sayerOfLeftOut(): (alias: string) => void {
  const known = new Set<string>();
  return (alias) => {
    if (!known.has(alias)) note(`${alias} is left out by --only: its runs wait.`);
    known.add(alias);
  };
}

function printEvent({ type, sender, bucket, key, matched, refused }: EventEntry): void {
  const none = refused > 0 ? `no pipeline wants it, ${refused} refused it: weir events` : "no pipeline";
  say(`→ ${objectOf({ bucket, key })} ${type}, by ${sender}: ${matched.join(", ") || none}`);
}

/** A log line of Weir (src/shapes/log.ts); undefined for any other. */
function logLine(text: string): ({ log: string } & Record<string, unknown>) | undefined {
  // wrangler puts a sign before warnings and errors.
  const json = /^(?:[▲✘] \[(?:WARNING|ERROR)\] )?(\{"log":.*\})$/.exec(text)?.[1];
  try {
    return json === undefined ? undefined : (JSON.parse(json) as { log: string });
  } catch {
    return undefined;
  }
}

function refusalText({ connection, scheme, detail, where, expected }: RefusalEntry): string {
  const more = [where && `at ${where}`, expected && `expected ${expected}`].filter(Boolean).join("; ");
  return `refused at ${connection}, ${scheme}: ${detail}${more === "" ? "" : ` (${more})`}`;
}

const objectOf = ({ bucket, key }: { bucket: string; key: string }) =>
  key === "" ? "a payload" : `${bucket}/${key}`;

const wordsOf = (fields: object) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
