// The view of the audit log: which key changed what, and how it ended.
import type { Change } from "../../src/client/client.ts";
import { sentenceOf } from "../data/client.ts";
import { preview } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import { go, linkTo, linkWith, type Route } from "../data/route.ts";
import { Empty, Head, Status, Time } from "../parts/basics.tsx";
import { textIn } from "../parts/form.tsx";
import { List } from "../parts/list.tsx";

const FILTERS = ["key", "action", "target"] as const;
const ACTIONS = [
  "pipeline.invoke",
  "pipeline.pause",
  "pipeline.resume",
  "replay.create",
  "replay.pause",
  "replay.resume",
  "replay.cancel",
  "audit.create",
  "run.cancel",
  "dead-letters.redrive",
  "dead-letters.drop",
  "object.upload",
  "index.rebuild",
  "key.create",
  "key.rotate",
  "key.revoke",
  "key.exchange",
  "ledger.grow",
  "erasure.create",
];

export default function Audit({ route }: { route: Route }) {
  const { key, action, target } = route.query;
  const list = useList(
    ["audit", key, action, target],
    (api, cursor, signal) =>
      api.listChanges(
        {
          limit: 50,
          ...(cursor && { cursor }),
          ...(key && { key }),
          ...(action && { action }),
          ...(target && { target }),
        },
        { signal },
      ),
    { topics: ["keys", "pipelines", "replays", "dead_letters"] },
  );
  return (
    <section class="pane" aria-labelledby="view-title">
      <Head title={<span id="view-title">Audit log</span>}>
        <Filters route={route} />
      </Head>
      {list.error && <Empty>{sentenceOf(list.error)}</Empty>}
      {list.isSuccess && list.rows.length === 0 && (
        <Empty>{key || action || target ? "No change of this kind." : "Nothing was changed yet."}</Empty>
      )}
      <List
        rows={list.rows}
        nameOf={(change) => change.id}
        label="Changes"
        onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
      >
        {(change) => <ChangeRow change={change} route={route} />}
      </List>
    </section>
  );
}

function Filters({ route }: { route: Route }) {
  const { query } = route;
  return (
    <form
      key={JSON.stringify(query)}
      class="filters"
      aria-label="Which changes"
      onSubmit={(event) => {
        event.preventDefault();
        const values = new FormData(event.currentTarget);
        go(
          linkTo("audit", undefined, Object.fromEntries(FILTERS.map((name) => [name, textIn(values, name)]))),
        );
      }}
    >
      <input
        name="key"
        aria-label="Id of a key, or root"
        placeholder="key_… or root"
        defaultValue={query.key ?? ""}
      />
      <input
        name="action"
        aria-label="Action"
        placeholder="action"
        list="actions"
        defaultValue={query.action ?? ""}
      />
      <datalist id="actions">
        {ACTIONS.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <input name="target" aria-label="Target" placeholder="target" defaultValue={query.target ?? ""} />
      <button type="submit">Filter</button>
      {FILTERS.some((name) => query[name]) && <a href={linkTo("audit")}>all ×</a>}
    </form>
  );
}

function ChangeRow({ change, route }: { change: Change; route: Route }) {
  const { at, key, action, target, detail, outcome } = change;
  return (
    <article class="row" data-row tabIndex={-1}>
      <Time at={at} />
      <span>
        <a href={linkWith(route, { action })}>
          <strong>{action}</strong>
        </a>{" "}
        {target && <a href={linkWith(route, { target })}>{target}</a>}{" "}
        <span class="quiet">
          by <a href={linkWith(route, { key: key.id })}>{key.name}</a>
        </span>
      </span>
      <Status name={outcome ?? "began"} />
      <code class="object">{preview(detail, 200)}</code>
    </article>
  );
}
