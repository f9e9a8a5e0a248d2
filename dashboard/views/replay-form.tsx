// The form of a replay or an audit. Its fields come from the address, so that other views link to it filled in; sent, it
// makes the plan (a dry run), which plan.tsx shows before anything runs.
import { useState } from "preact/hooks";
import type { Pipeline, WeirClient } from "../../src/client/client.ts";
import { tableIn } from "../data/json-text.ts";
import { useAnswer } from "../data/queries.ts";
import { go, linkTo, type Route } from "../data/route.ts";
import { Form, textIn } from "../parts/form.tsx";

type ReplayBody = Parameters<WeirClient["createReplay"]>[0];
type Kind = ReplayBody["select"]["kind"];

const KINDS: Record<Kind, string> = {
  stale: "Stale items: what another version of the pipeline has stored",
  listing: "What is in the bucket now",
  events: "Objects of recorded events",
  produced_by: "Items of a certain version, commit or model",
  drift: "Audit: what differs between the bucket and the collection",
};
const STATUSES = [
  "dead",
  "failed",
  "skipped",
  "cancelled",
  "succeeded",
  "pending",
  "queued",
  "running",
] as const;

/** The fields of each kind beside those that all have, with their names. */
const FIELDS: Record<Kind, readonly [name: string, label: string][]> = {
  stale: [],
  listing: [["prefix", "Keys that begin with"]],
  events: [
    ["since", "Since"],
    ["until", "Until"],
  ],
  produced_by: [
    ["version", "Version"],
    ["commit", "Commit"],
    ["model", "Model"],
  ],
  drift: [["prefix", "Keys that begin with"]],
};

/** The names that the form has in an address. */
const NAMES = ["prefix", "since", "until", "status", "version", "commit", "model", "filter", "budget"];

export function ReplayForm({ route }: { route: Route }) {
  const { query } = route;
  const [kind, setKind] = useState<Kind>(isKind(query.select) ? query.select : "stale");
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines"],
  });
  return (
    <section class="panel" aria-labelledby="replay-form">
      <h2 id="replay-form">{kind === "drift" ? "Plan an audit" : "Plan a replay"}</h2>
      <p class="hint">
        The plan comes first: it counts what would run and what that costs, and changes nothing.
      </p>
      <Form
        submit="Plan"
        onClose={() => go(linkTo("replays"))}
        run={(api, values) => api.createReplay({ ...replayIn(values), dry_run: true })}
        onDone={({ id, request }) => go(linkTo("replays", undefined, { plan: id, ...addressOf(request) }))}
      >
        <label>
          Which objects
          <select
            name="select"
            value={kind}
            onChange={({ currentTarget: { value } }) => isKind(value) && setKind(value)}
          >
            {Object.entries(KINDS).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <div class="fields">
          {FIELDS[kind].map(([name, label]) => (
            <Field key={`${kind} ${name}`} name={name} label={label} value={query[name]} />
          ))}
          {kind === "events" && (
            <label>
              Whose run is
              <select name="status">
                <option value="">in any state</option>
                {STATUSES.map((name) => (
                  <option key={name} value={name} selected={name === query.status}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
        <Aliases pipelines={pipelines.data?.data ?? []} chosen={query.alias?.split(",") ?? []} />
        <div class="fields">
          <label>
            A filter beside the pipeline's own
            <input
              name="filter"
              class="code"
              placeholder='{"extension": "mp4"}'
              defaultValue={query.filter ?? ""}
            />
          </label>
          <label>
            Budget, dollars
            <input
              name="budget"
              type="number"
              min="0"
              step="any"
              placeholder="none"
              defaultValue={query.budget ?? ""}
            />
          </label>
        </div>
      </Form>
    </section>
  );
}

function Field({ name, label, value }: { name: string; label: string; value: string | undefined }) {
  const isTime = name === "since" || name === "until";
  return (
    <label>
      {label}
      <input
        name={name}
        {...(isTime && { type: "datetime-local" })}
        defaultValue={isTime && value ? localTime(value) : (value ?? "")}
        autocomplete="off"
      />
    </label>
  );
}

/** As a field for times has it: the time of this browser's clock, without a zone. */
function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.valueOf())) return "";
  return new Date(at.valueOf() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const Aliases = ({ pipelines, chosen }: { pipelines: readonly Pipeline[]; chosen: readonly string[] }) => (
  <fieldset class="tall">
    <legend>Pipelines; none chosen means all</legend>
    {pipelines.map(({ alias }) => (
      <label key={alias}>
        <input type="checkbox" name="alias" value={alias} defaultChecked={chosen.includes(alias)} /> {alias}
      </label>
    ))}
  </fieldset>
);

/** The request of a filled-in form. @throws InputFault for a filter that is no JSON */
function replayIn(values: FormData): ReplayBody {
  const text = (name: string) => textIn(values, name);
  const given = (name: string) => ({ ...(text(name) && { [name]: text(name) }) });
  const time = (name: string) => ({
    ...(text(name) && { [name]: new Date(text(name) ?? "").toISOString() }),
  });
  const kind = text("select");
  const aliases = values.getAll("alias").map(String);
  const selects: Record<Kind, () => ReplayBody["select"]> = {
    stale: () => ({ kind: "stale" }),
    listing: () => ({ kind: "listing", ...given("prefix") }),
    drift: () => ({ kind: "drift", ...given("prefix") }),
    events: () => ({ kind: "events", ...time("since"), ...time("until"), ...given("status") }),
    produced_by: () => ({ kind: "produced_by", ...given("version"), ...given("commit"), ...given("model") }),
  };
  const filter = text("filter");
  const budget = text("budget");
  return {
    select: selects[isKind(kind) ? kind : "stale"](),
    ...(aliases.length > 0 && { aliases }),
    ...(filter && { filter: tableIn(filter, "The filter") }),
    ...(budget && { budget_usd: Number(budget) }),
  };
}

/** A request as the address has it, so that going back shows the form as it was sent. */
export function addressOf({
  select,
  aliases,
  filter,
  budget_usd,
}: ReplayBody): Record<string, string | undefined> {
  const { kind, ...fields } = select;
  const known = Object.entries(fields).filter(([name]) => NAMES.includes(name));
  return {
    ...Object.fromEntries(known),
    select: kind,
    alias: aliases?.join(","),
    filter: filter && JSON.stringify(filter),
    budget: budget_usd?.toString(),
  };
}

const isKind = (text: string | undefined): text is Kind => text !== undefined && Object.hasOwn(KINDS, text);
