// The view of a collection: a box that asks it, filters as chips, and what is found as a grid of pictures or as a table.
// Everything that is asked is in the address, so that an answer has a link.
import type { Pipeline } from "../../src/client/client.ts";
import { useAnswer } from "../data/queries.ts";
import { linkTo, type Route } from "../data/route.ts";
import { Answered } from "../parts/answered.tsx";
import { Empty, Head } from "../parts/basics.tsx";
import { Found } from "./found.tsx";
import { SearchBox } from "./search-box.tsx";

export default function Collections({ route }: { route: Route }) {
  const pipelines = useAnswer(["pipelines"], (api, signal) => api.listPipelines({ signal }), {
    topics: ["pipelines"],
  });
  return <Answered of={pipelines}>{({ data }) => <Chosen route={route} pipelines={data} />}</Answered>;
}

function Chosen({ route, pipelines }: { route: Route; pipelines: Pipeline[] }) {
  const names = [...new Set(pipelines.map(({ config }) => config.destination.collection))].sort();
  const name = route.id ?? names[0];
  if (name === undefined)
    return (
      <Empty>
        No pipeline writes a collection yet. <code>npx weir new</code> makes one that does.
      </Empty>
    );
  const here: Route = { ...route, id: name };
  return (
    <>
      <Head title="Collections">
        <nav class="tabs" aria-label="Collections">
          {names.map((each) => (
            <a
              key={each}
              href={linkTo("collections", each)}
              aria-current={each === name ? "page" : undefined}
            >
              {each}
            </a>
          ))}
        </nav>
      </Head>
      <SearchBox collection={name} route={here} key={name} />
      <Found collection={name} route={here} />
    </>
  );
}
