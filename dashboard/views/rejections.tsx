// The view of what the doors refused: who knocked, by which proof, and why it was not let in.
import { plural } from "../data/format.ts";
import { useList } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Empty, FailureView, Head, Time } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";

const PAGE = 50;

export default function Rejections({ route }: { route: Route }) {
  const { connection } = route.query;
  const list = useList(
    ["rejections", connection],
    (api, cursor, signal) =>
      api.listRejections(
        { limit: PAGE, ...(cursor && { cursor }), ...(connection && { connection }) },
        { signal },
      ),
    { topics: ["rejections"] },
  );
  return (
    <section class="pane" aria-labelledby="view-title">
      <Head title={<span id="view-title">Rejections</span>}>
        {connection && <a href={linkTo("rejections")}>only {connection} ×</a>}
      </Head>
      {list.isSuccess && list.rows.length === 0 && (
        <Empty>Nothing was refused: every delivery that came was proven and could be read.</Empty>
      )}
      <List
        rows={list.rows}
        nameOf={({ connection: of, scheme, at, failure }) => `${of} ${scheme} ${at} ${failure.kind}`}
        label="Rejections"
        rowHeight={120}
        onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
      >
        {({ connection: of, scheme, failure, count, at, raw }) => (
          <article class="card" data-row tabIndex={-1}>
            <h4>
              <a href={linkTo("connections", of)}>{of}</a>
              <span class="quiet">
                {scheme || "no scheme"}, {plural(count, "time")}, <Time at={at} />
              </span>
            </h4>
            <FailureView failure={failure} />
            {raw !== undefined && (
              <details>
                <summary>What was sent</summary>
                <pre tabIndex={0}>{raw}</pre>
              </details>
            )}
          </article>
        )}
      </List>
    </section>
  );
}
