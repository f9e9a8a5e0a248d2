// One connection: what it needs, exactly what to type to connect a sender, and its first event or its refusal as it comes.
import { useState } from "preact/hooks";
import type { Connection, Rejection } from "../../src/client/client.ts";
import { plural } from "../data/format.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo } from "../data/route.ts";
import {
  copyText,
  Facts,
  FailureView,
  Head,
  ObjectName,
  PipelineLink,
  Status,
  Time,
} from "../parts/basics.tsx";

/** Newest events and rejections that are compared with those of before. */
const WATCHED = 50;

export function ConnectionDetail({ connection: it }: { connection: Connection }) {
  return (
    <section aria-labelledby="view-title">
      <a class="back always" href={linkTo("connections")}>
        All connections
      </a>
      <Head title={<span id="view-title">{it.id}</span>}>
        <a href={linkTo("rejections", undefined, { connection: it.id })}>its rejections</a>
      </Head>
      <div class="halves">
        <About connection={it} />
        <Proofs connection={it} />
      </div>
      {it.recipes.length > 0 && <Recipes connection={it} />}
    </section>
  );
}

const About = ({ connection: it }: { connection: Connection }) => (
  <Facts
    of={{
      kind: it.kind,
      buckets: it.buckets.join(", "),
      database: it.database,
      region: it.region,
      endpoint: it.endpoint && <code>{it.endpoint}</code>,
      "senders deliver to": it.door && <code>{it.door}</code>,
      "read by": it.read_by.length > 0 && <Aliases of={it.read_by} />,
      "written by": it.written_by.length > 0 && <Aliases of={it.written_by} />,
    }}
  />
);

const Aliases = ({ of }: { of: readonly string[] }) => (
  <>
    {of.map((alias, index) => (
      <span key={alias}>
        {index > 0 && ", "}
        <PipelineLink alias={alias} />
      </span>
    ))}
  </>
);

/** What proves its events, and which secrets are there. */
function Proofs({ connection: { schemes, secrets } }: { connection: Connection }) {
  return (
    <div>
      <ul class="plain">
        {schemes.map(({ scheme, asks }) => (
          <li key={`${scheme} ${asks.join()}`}>
            <strong>{scheme}</strong> <span class="quiet">{asks.join(", ")}</span>
          </li>
        ))}
      </ul>
      <ul class="plain">
        {secrets.map(({ name, is_set }) => (
          <li key={name}>
            <code>{name}</code> <Status name={is_set ? "set" : "not set"} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Recipes({ connection: { id, recipes } }: { connection: Connection }) {
  const [sender, choose] = useState(recipes[0]?.sender);
  const recipe = recipes.find((each) => each.sender === sender) ?? recipes[0];
  if (!recipe) return null;
  return (
    <>
      <h2>Connect a sender</h2>
      <p class="buttons">
        <label>
          Sender{" "}
          <select
            class="narrow"
            value={recipe.sender}
            onChange={({ currentTarget: { value } }) => choose(value)}
          >
            {recipes.map((each) => (
              <option key={each.sender} value={each.sender}>
                {each.sender}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => copyText(recipe.commands, "commands")}>
          Copy
        </button>
        <span class="hint">Proven by {recipe.scheme}; secrets are variables of your shell.</span>
      </p>
      <pre tabIndex={0}>{recipe.commands}</pre>
      <Watch connection={id} />
    </>
  );
}

/** Waits for the first event that is new since the view was opened, and explains what is refused meanwhile. */
function Watch({ connection }: { connection: string }) {
  const events = useAnswer(
    ["events", "watch", connection],
    (api, signal) => api.listEvents({ connection, limit: WATCHED }, { signal }),
    { topics: ["events"] },
  );
  const refused = useNewRejections(connection);
  const [before, keep] = useState<ReadonlySet<string>>();
  if (!before && events.data) keep(new Set(events.data.data.map(({ id }) => id)));
  const first = before && events.data?.data.find(({ id }) => !before.has(id));
  return (
    <section class="panel watch" aria-label="First event" role="status">
      {first ? (
        <p>
          <Status name="live" /> An event of {first.sender} has come:{" "}
          <a href={linkTo("events", first.id)}>
            {first.operation} <ObjectName bucket={first.bucket} key_={first.key} />
          </a>
        </p>
      ) : (
        <p>
          <Status name="waiting" /> Waiting for the first event; what comes or is refused is shown here.
        </p>
      )}
      {refused.map((rejection) => (
        <Refusal key={rowName(rejection)} rejection={rejection} />
      ))}
    </section>
  );
}

const Refusal = ({ rejection: { connection, scheme, failure, count, at } }: { rejection: Rejection }) => (
  <article>
    <p>
      <Status name="rejected" /> {connection} {scheme && `by ${scheme}`}{" "}
      <span class="quiet">
        {plural(count, "time")}, <Time at={at} />
      </span>
    </p>
    <FailureView failure={failure} />
  </article>
);

/** A row of rejections has no id: it is one cause in one minute. */
const rowName = ({ connection, scheme, failure, at }: Rejection): string =>
  JSON.stringify([connection, scheme, failure, at?.slice(0, 16)]);

/** Rejections that came or were counted on since this was first called. */
function useNewRejections(connection: string): Rejection[] {
  // A sender with a wrong URL is refused under "(unknown)", and a message of R2's queue under "(queue)".
  const places = [connection, "(unknown)", "(queue)"];
  const rejections = useAnswer(
    ["rejections", "watch", connection],
    async (api, signal) => {
      const lists = places.map((place) =>
        api.listRejections({ connection: place, limit: WATCHED }, { signal }),
      );
      return (await Promise.all(lists)).flatMap(({ data }) => data);
    },
    { topics: ["rejections"] },
  );
  const [before, keep] = useState<ReadonlyMap<string, number>>();
  if (!before && rejections.data) keep(new Map(rejections.data.map((each) => [rowName(each), each.count])));
  if (!before) return [];
  return (rejections.data ?? []).filter((each) => each.count > (before.get(rowName(each)) ?? 0));
}
