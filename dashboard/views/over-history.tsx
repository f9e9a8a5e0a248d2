// A changed filter over the history of a pipeline's events: what it would gain and lose, and whose items those are.
import { useEffect, useRef, useState } from "preact/hooks";
import type { FilterDiff } from "../../src/client/client.ts";
import { api } from "../data/client.ts";
import { number, plural } from "../data/format.ts";
import type { JsonTable } from "../data/json-text.ts";
import { linkTo } from "../data/route.ts";
import { Facts, ObjectName } from "../parts/basics.tsx";
import { Refused } from "../parts/form.tsx";

const SPANS: Record<string, string> = { "1d": "a day", "7d": "a week", "30d": "a month", "365d": "a year" };
/** Pages of one dry run; each judges thousands of objects. */
const MAX_PAGES = 100;
const MAX_SAMPLES = 10;
const CHANGES = ["gained", "lost", "undecided"] as const;

export function OverHistory({ alias, filters }: { alias: string; filters: JsonTable }) {
  const [since, setSince] = useState("7d");
  const [found, setFound] = useState<FilterDiff>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const walk = async () => {
    const { signal } = stop.current;
    setBusy(true);
    setError(undefined);
    setFound(undefined);
    try {
      let whole: FilterDiff | undefined;
      for (let page = 0; page < MAX_PAGES && (page === 0 || whole?.next !== undefined); page++) {
        const cursor = whole?.next;
        const next = await api().diffFilters(
          { alias, filters, since, ...(cursor !== undefined && { cursor }) },
          { signal },
        );
        whole = whole ? joined(whole, next) : next;
        setFound(whole);
      }
    } catch (failure) {
      if (!signal.aborted) setError(failure);
    }
    setBusy(false);
  };
  return (
    <section aria-label="Over history">
      <p class="buttons">
        <button type="button" disabled={isBusy} onClick={() => void walk()}>
          {isBusy ? "Judging…" : "Try over history"}
        </button>
        <label>
          of{" "}
          <select class="narrow" value={since} onChange={({ currentTarget: { value } }) => setSince(value)}>
            {Object.entries(SPANS).map(([span, text]) => (
              <option key={span} value={span}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </p>
      {error !== undefined && <Refused error={error} />}
      {found && <Difference of={found} />}
    </section>
  );
}

/** The counts of two stretches of objects. */
function joined(a: FilterDiff, b: FilterDiff): FilterDiff {
  const sum = (
    name: "objects" | "gained" | "lost" | "unchanged" | "undecided" | "passing" | "items_of_lost",
  ) => a[name] + b[name];
  const samples = (name: (typeof CHANGES)[number]) =>
    [...a.samples[name], ...b.samples[name]].slice(0, MAX_SAMPLES);
  return {
    ...b,
    objects: sum("objects"),
    gained: sum("gained"),
    lost: sum("lost"),
    unchanged: sum("unchanged"),
    undecided: sum("undecided"),
    passing: sum("passing"),
    items_of_lost: sum("items_of_lost"),
    samples: { gained: samples("gained"), lost: samples("lost"), undecided: samples("undecided") },
  };
}

function Difference({ of }: { of: FilterDiff }) {
  return (
    <>
      <Facts
        of={{
          judged: `${plural(of.objects, "object")}${of.next === undefined ? "" : " so far"}`,
          gained: number(of.gained),
          lost: of.lost > 0 ? `${number(of.lost)}, which own ${plural(of.items_of_lost, "item")}` : "0",
          unchanged: number(of.unchanged),
          undecided: of.undecided > 0 && `${number(of.undecided)}: they hang on what was not looked up`,
          "passing then": number(of.passing),
        }}
      />
      {CHANGES.filter((name) => of.samples[name].length > 0).map((name) => (
        <details key={name}>
          <summary>{name === "undecided" ? "Some that are undecided" : `Some that are ${name}`}</summary>
          <ul class="plain">
            {of.samples[name].map(({ bucket, key, event_id, reason }) => (
              <li key={event_id}>
                <a href={linkTo("events", event_id)}>
                  <ObjectName bucket={bucket} key_={key} />
                </a>{" "}
                <span class="quiet">{reason}</span>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </>
  );
}
