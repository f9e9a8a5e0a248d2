// The view of the audit log: which key changed what, and how it ended.

import { sentenceOf } from "../data/client.ts";
import { preview } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import type { Route } from "../data/route.ts";
import { Empty, Head, Status, Time } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";

export default function Audit(_: { route: Route }) {
  const list = useList(
    ["audit"],
    (api, cursor, signal) => api.listChanges({ limit: 50, ...(cursor && { cursor }) }, { signal }),
    { topics: ["keys", "pipelines", "replays", "dead_letters"] },
  );
  return (
    <section class="pane" aria-labelledby="view-title">
      <Head title={<span id="view-title">Audit log</span>} />
      {list.error && <Empty>{sentenceOf(list.error)}</Empty>}
      {list.isSuccess && list.rows.length === 0 && <Empty>Nothing was changed yet.</Empty>}
      <List
        rows={list.rows}
        nameOf={(change) => change.id}
        label="Changes"
        onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
      >
        {({ at, key, action, target, detail, outcome }) => (
          <article class="row" data-row tabIndex={-1}>
            <Time at={at} />
            <span>
              <strong>{action}</strong> {target} <span class="quiet">by {key.name}</span>
            </span>
            <Status name={outcome ?? "began"} />
            <code class="object">{preview(detail, 200)}</code>
          </article>
        )}
      </List>
    </section>
  );
}
