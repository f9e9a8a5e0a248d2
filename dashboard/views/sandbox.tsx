// The filter sandbox: a filter is edited against recent events, tried over history, and taken from here to config.json.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Event } from "../../src/client/client.ts";
import type { TextFault } from "../data/json-text.ts";
import { type EventJudgement, judgeEvent, readFilter, type TypedFilter } from "../data/judge.ts";
import { useAnswer, useList } from "../data/queries.ts";
import { go, linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { copyText, Empty, Head, ObjectName, Time } from "../parts/basics.tsx";
import { Clauses } from "../parts/clauses.tsx";
import { FilterPalette } from "./filter-palette.tsx";
import { OverHistory } from "./over-history.tsx";

const PAGE_EVENTS = 100;
const ADDRESS_MS = 300;

export default function Sandbox({ route }: { route: Route }) {
  const { alias } = route.query;
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines"],
  });
  return (
    <section aria-labelledby="view-title">
      <Head title={<span id="view-title">Filter sandbox</span>}>
        <select
          class="narrow"
          aria-label="Pipeline"
          value={alias ?? ""}
          onChange={({ currentTarget: { value } }) =>
            go(linkTo("sandbox", undefined, { alias: value || undefined }))
          }
        >
          <option value="">an empty filter</option>
          {pipelines.data?.data.map((each) => (
            <option key={each.alias} value={each.alias} selected={each.alias === alias}>
              {each.alias}
            </option>
          ))}
        </select>
      </Head>
      <Answered of={pipelines}>
        {({ data }) => {
          const source = data.find((each) => each.alias === alias)?.config.source;
          const text = route.query.filter ?? JSON.stringify(source?.filters ?? {}, null, 2);
          return <Workbench key={alias ?? ""} {...{ alias, text }} connection={source?.connection_id} />;
        }}
      </Answered>
    </section>
  );
}

interface WorkbenchProps {
  alias: string | undefined;
  text: string;
  connection: string | undefined;
}

function Workbench({ alias, text: first, connection }: WorkbenchProps) {
  const [text, setText] = useState(first);
  const typed = useMemo(() => readFilter(text), [text]);
  useEffect(() => {
    const link = linkTo("sandbox", undefined, { alias, filter: text === first ? undefined : text });
    const timer = setTimeout(() => text !== first && history.replaceState(null, "", link), ADDRESS_MS);
    return () => clearTimeout(timer);
  }, [text, alias, first]);
  return (
    <div class="halves">
      <div>
        <Editor text={text} typed={typed} onText={setText} />
        {typed.filter && typed.table && (
          <>
            <p class="buttons">
              <button
                type="button"
                onClick={() => copyText(`"filters": ${JSON.stringify(typed.table, null, 2)}`, "filter")}
              >
                Copy for config.json
              </button>
            </p>
            {alias === undefined ? (
              <p class="hint">Choose a pipeline to compare with what it takes now, over its history.</p>
            ) : (
              <OverHistory key={JSON.stringify(typed.table)} alias={alias} filters={typed.table} />
            )}
          </>
        )}
      </div>
      <Recent typed={typed} connection={connection} />
    </div>
  );
}

interface EditorProps {
  text: string;
  typed: TypedFilter;
  onText: (text: string) => void;
}

function Editor({ text, typed: { faults, warnings }, onText }: EditorProps) {
  const box = useRef<HTMLTextAreaElement>(null);
  const toLine = (line: number) => {
    const before =
      text
        .split("\n")
        .slice(0, line - 1)
        .join("\n").length + (line > 1 ? 1 : 0);
    box.current?.focus();
    box.current?.setSelectionRange(before, before + (text.split("\n")[line - 1]?.length ?? 0));
  };
  const insert = (snippet: string) => {
    const area = box.current;
    if (!area) return;
    area.focus();
    area.setRangeText(snippet, area.selectionStart, area.selectionEnd, "end");
    onText(area.value);
  };
  return (
    <>
      <label>
        Filter
        <textarea
          ref={box}
          class="code"
          rows={Math.min(24, Math.max(8, text.split("\n").length + 1))}
          spellcheck={false}
          value={text}
          aria-invalid={faults.length > 0}
          aria-describedby="filter-faults"
          onInput={({ currentTarget }) => onText(currentTarget.value)}
        />
      </label>
      <div id="filter-faults" role="status">
        <Faults of={faults} tone="bad" onLine={toLine} />
        <Faults of={warnings} tone="warn" onLine={toLine} />
      </div>
      <FilterPalette onInsert={insert} />
    </>
  );
}

interface FaultsProps {
  of: readonly TextFault[];
  tone: string;
  onLine: (line: number) => void;
}

const Faults = ({ of, tone, onLine }: FaultsProps) => (
  <ul class="plain">
    {of.map(({ line, text }) => (
      <li key={`${line} ${text}`} class="fault" data-tone={tone}>
        <button type="button" class="bare" onClick={() => onLine(line)}>
          Line {line}
        </button>
        {text}
      </li>
    ))}
  </ul>
);

const VERDICTS = { true: "passes", false: "refused", unknown: "unknown" } as const;
type VerdictName = (typeof VERDICTS)[keyof typeof VERDICTS];
const nameOf = ({ verdict }: EventJudgement): VerdictName =>
  VERDICTS[String(verdict) as keyof typeof VERDICTS];

/** The recent events with what the filter says of each. */
function Recent({ typed: { filter }, connection }: { typed: TypedFilter; connection: string | undefined }) {
  const [only, setOnly] = useState<VerdictName>();
  const list = useList<Event>(
    ["events", "sandbox", connection],
    (api, cursor, signal) =>
      api.listEvents(
        { limit: PAGE_EVENTS, ...(cursor && { cursor }), ...(connection && { connection }) },
        { signal },
      ),
    { topics: ["events"] },
  );
  const judged = useMemo(
    () => (filter ? list.rows.map((event) => ({ event, judgement: judgeEvent(filter, event) })) : []),
    [filter, list.rows],
  );
  const shown = judged.filter(({ judgement }) => only === undefined || nameOf(judgement) === only);
  return (
    <section aria-label="Recent events">
      <p class="counts" role="status">
        {Object.values(VERDICTS).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={only === name}
            onClick={() => setOnly(only === name ? undefined : name)}
          >
            {judged.filter(({ judgement }) => nameOf(judgement) === name).length}{" "}
            {name === "passes" ? "pass" : name}
          </button>
        ))}
        <span class="quiet">
          of {list.rows.length} recent events{connection && ` of ${connection}`}
        </span>
      </p>
      {!filter && <Empty>The filter is not whole yet: its faults are named below it.</Empty>}
      {list.isSuccess && list.rows.length === 0 && <Empty>No events yet to try it on.</Empty>}
      <ul class="plain judged">
        {shown.map(({ event, judgement }) => (
          <li key={event.id}>
            <Judged event={event} judgement={judgement} />
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <button type="button" onClick={() => void list.fetchNextPage()}>
          Earlier events
        </button>
      )}
    </section>
  );
}

function Judged({ event, judgement }: { event: Event; judgement: EventJudgement }) {
  const [isOpen, open] = useState(false);
  const name = nameOf(judgement);
  return (
    <details onToggle={({ currentTarget }) => open(currentTarget.open)}>
      <summary data-row>
        <span class="chip" data-status={name === "passes" ? "matched" : name}>
          {name}
        </span>{" "}
        <ObjectName bucket={event.bucket} key_={event.key} />{" "}
        <span class="quiet">{name === "passes" ? event.operation : judgement.reason}</span>
      </summary>
      {isOpen && (
        <>
          <Clauses clauses={judgement.clauses} />
          <p class="hint">
            <a href={linkTo("events", event.id)}>The event</a>, <Time at={event.time} />
          </p>
        </>
      )}
    </details>
  );
}
