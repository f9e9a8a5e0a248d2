// The view of dead letters: their causes in groups, each letter with its failure, and both to be sent again or dropped.

import type { Cause, DeadLetter } from "../../src/client/client.ts";
import { plural } from "../data/format.ts";
import { useAnswer, useList } from "../data/queries.ts";
import { linkTo, linkWith, type Route } from "../data/route.ts";
import { Act } from "../parts/act.tsx";
import { Empty, FailureView, Head, ObjectName, PipelineLink, Time } from "../parts/basics.tsx";
import { List } from "../parts/list.tsx";
import { Table } from "../parts/table.tsx";

const PAGE = 50;

export default function DeadLetters({ route }: { route: Route }) {
  const { alias } = route.query;
  const list = useList(
    ["dead-letters", alias],
    (api, cursor, signal) =>
      api.listDeadLetters({ limit: PAGE, ...(cursor && { cursor }), ...(alias && { alias }) }, { signal }),
    { topics: ["dead_letters"] },
  );
  const causes = useAnswer(["causes"], (api, signal) => api.listDeadLetterCauses({}, { signal }), {
    topics: ["dead_letters"],
  });
  const groups = causes.data?.data.filter((cause) => alias === undefined || cause.alias === alias) ?? [];
  const all = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <section class="pane" aria-labelledby="view-title">
      <Head title={<span id="view-title">Dead letters</span>}>
        {alias && <a href={linkWith(route, { alias: undefined })}>only {alias} ×</a>}
        {all > 0 && <Actions of={alias === undefined ? { all: true } : { alias }} count={all} />}
      </Head>
      {list.isSuccess && list.rows.length === 0 && (
        <Empty>No dead letters: every run has ended well or is still being tried.</Empty>
      )}
      {groups.length > 0 && <Causes causes={groups} />}
      <List
        rows={list.rows}
        nameOf={(letter) => letter.run_id}
        label="Dead letters"
        rowHeight={130}
        onEnd={list.hasNextPage ? list.fetchNextPage : undefined}
      >
        {(letter) => <Letter letter={letter} />}
      </List>
    </section>
  );
}

function Causes({ causes }: { causes: Cause[] }) {
  return (
    <Table label="Causes" heads={["Pipeline", "Cause", "Letters", "Newest", "To do"]}>
      {causes.map(({ alias, kind, detail, count, newest }) => (
        <tr key={`${alias} ${kind} ${detail}`}>
          <th scope="row">
            <PipelineLink alias={alias} />
          </th>
          <td>
            <strong>{kind.replaceAll("_", " ")}</strong> {detail}
          </td>
          <td>{count}</td>
          <td>
            <Time at={newest} />
          </td>
          <td>
            <Actions of={{ alias, kind }} count={count} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

type Selection = { all: true } | { alias: string; kind?: string } | { run_ids: string[] };

/** Redrives or drops the letters of a selection. */
function Actions({ of, count }: { of: Selection; count: number }) {
  const letters = plural(count, "letter");
  const isOne = "run_ids" in of;
  return (
    <span class="buttons">
      <Act
        label={isOne ? "Redrive" : `Redrive ${count}`}
        scope="operate"
        {...(!isOne && {
          confirm: {
            title: `Redrive ${letters}`,
            text: "Each runs once more with the code of now, looking at its object as it is now.",
          },
        })}
        run={(api) => api.redriveDeadLetters(of)}
        says={({ redriven, waiting }) =>
          `${plural(redriven, "run")} on the way${waiting > 0 ? `, ${waiting} wait for a paused pipeline` : ""}.`
        }
      />
      <Act
        label={isOne ? "Drop" : `Drop ${count}`}
        scope="operate"
        danger
        confirm={{
          title: `Drop ${letters}`,
          text: "They are not tried again. The objects keep the items that they have.",
          reason: true,
          ...(count > 20 && { word: String(count) }),
        }}
        run={(api, reason) => api.dropDeadLetters({ ...of, reason })}
        says={({ dropped }) => `${plural(dropped, "letter")} dropped.`}
      />
    </span>
  );
}

const Letter = ({ letter }: { letter: DeadLetter }) => (
  <article class="card" data-row tabIndex={-1}>
    <h4>
      <PipelineLink alias={letter.alias} />
      <a href={linkTo("events", letter.event_id)}>
        <ObjectName bucket={letter.object.bucket} key_={letter.object.key} />
      </a>
      <span class="quiet">
        {plural(letter.attempts, "attempt")}, <Time at={letter.at} />
      </span>
      <Actions of={{ run_ids: [letter.run_id] }} count={1} />
    </h4>
    <FailureView failure={letter.failure} />
  </article>
);
