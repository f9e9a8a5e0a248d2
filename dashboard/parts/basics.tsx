// Parts that every view shares: a status, an object's name, an id, a time, facts, a failure.
import type { ComponentChildren } from "preact";
import type { Failure } from "../../src/client/client.ts";
import { clock } from "../data/format.ts";
import { linkTo } from "../data/route.ts";
import { say } from "./toasts.tsx";

/** A status as a word; the hue only helps. */
export const Status = ({ name, count }: { name: string; count?: number }) => (
  <span class="chip" data-status={name}>
    {count === undefined ? name : `${count} ${name}`}
  </span>
);

export const CollectionLink = ({ name }: { name: string }) => (
  <a href={linkTo("collections", name)}>{name}</a>
);

export const PipelineLink = ({ alias }: { alias: string }) => (
  <a href={linkTo("pipelines", alias)}>{alias}</a>
);

export const ObjectName = ({ bucket, key_ }: { bucket: string; key_: string }) =>
  key_ === "" ? (
    <span class="object quiet">payload without an object</span>
  ) : (
    <span class="object">
      <span class="quiet bucket">{bucket}/</span>
      <wbr />
      {key_}
    </span>
  );

/** A time of this page's clock, with the exact one on hover. */
export const Time = ({ at }: { at: string | null | undefined }) =>
  at ? (
    <time dateTime={at} title={at}>
      {clock(at, new Date())}
    </time>
  ) : null;

/** Characters of an id that tell it from others at a glance. */
const ID_CHARACTERS = 14;

/** An id, cut short, that a click copies whole. */
export function Id({ value }: { value: string }) {
  const copy = () => copyText(value, "id");
  const short = value.length > ID_CHARACTERS ? `${value.slice(0, 6)}…${value.slice(-6)}` : value;
  return (
    <button type="button" class="id" title={`${value}: click to copy`} onClick={copy}>
      {short}
    </button>
  );
}

/** Puts text into the clipboard, and says so. */
export function copyText(text: string, what: string): void {
  navigator.clipboard
    .writeText(text)
    .then(() => say(`Copied the ${what}.`))
    .catch(() => say("This browser does not let the page copy.", "bad"));
}

/** Facts by their names, without those that have no value. */
export function Facts({ of }: { of: Record<string, ComponentChildren> }) {
  const shown = Object.entries(of).filter(
    ([, value]) => value !== undefined && value !== null && value !== false && value !== "",
  );
  return (
    <dl class="facts">
      {shown.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name} is`}>{value}</dd>])}
    </dl>
  );
}

/** What went wrong, where, what was expected, and what to do next. */
export function FailureView({ failure }: { failure: Failure }) {
  const { kind, detail, where, expected, next } = failure;
  const rows = Object.entries({ where, expected, next }).filter(([, value]) => value !== undefined);
  return (
    <div class="failure">
      <p>
        <strong>{kind.replaceAll("_", " ")}</strong> {detail}
      </p>
      {rows.length > 0 && <Facts of={Object.fromEntries(rows)} />}
    </div>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

export const Json = ({ value }: { value: unknown }) => (
  <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
);

/** The head of a view: its title, what stands beside it, and what can be done. */
export function Head({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="head">
      <h1>{title}</h1>
      {children}
    </div>
  );
}
