// The view of a route. Each is a script of its own, loaded when it is first opened.
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Route, ViewName } from "../data/route.ts";

type ViewComponent = FunctionComponent<{ route: Route }>;
type Load = () => Promise<{ default: ViewComponent }>;

const LOADS: Record<ViewName, Load> = {
  overview: () => import("../views/overview.tsx"),
  find: () => import("../views/find.tsx"),
  events: () => import("../views/events.tsx"),
  runs: () => import("../views/runs.tsx"),
  collections: () => import("../views/collections.tsx"),
  pipelines: () => import("../views/pipelines.tsx"),
  replays: () => import("../views/replays.tsx"),
  "dead-letters": () => import("../views/dead-letters.tsx"),
  rejections: () => import("../views/rejections.tsx"),
  connections: () => import("../views/connections.tsx"),
  sandbox: () => import("../views/sandbox.tsx"),
  keys: () => import("../views/keys.tsx"),
  audit: () => import("../views/audit.tsx"),
};

const loaded = new Map<ViewName, ViewComponent>();

export function ViewOf({ route }: { route: Route }) {
  const { view } = route;
  const [, redraw] = useState(0);
  const [trouble, setTrouble] = useState(false);
  useEffect(() => {
    if (loaded.has(view)) return;
    setTrouble(false);
    LOADS[view]()
      .then((module) => {
        loaded.set(view, module.default);
        redraw((times) => times + 1);
      })
      .catch(() => setTrouble(true));
  }, [view]);
  const Found = loaded.get(view);
  if (Found) return <Found route={route} key={view} />;
  return trouble ? (
    <p class="empty" role="alert">
      This part of the page could not be loaded: a new version may have been deployed. Load the page again.
    </p>
  ) : (
    <div class="awaited" role="progressbar" aria-label="On its way" />
  );
}
