// Routes of the page: the address's fragment names the view, so that every view has a link and the browser's back button
// works: `#/events/evt_1?item=itm_2&collection=data_bucket`.
import { signal } from "@preact/signals";

/** The views with their titles, in the order of the navigation. */
export const VIEWS = {
  overview: "Overview",
  find: "Where is my file?",
  events: "Events",
  runs: "Runs",
  collections: "Collections",
  pipelines: "Pipelines",
  replays: "Replays",
  "dead-letters": "Dead letters",
  rejections: "Rejections",
  connections: "Connections",
  sandbox: "Filter sandbox",
  keys: "Keys",
  audit: "Audit log",
} as const;

export type ViewName = keyof typeof VIEWS;

/** A view, what it is of, and its options; `query` holds nothing that is empty. */
export interface Route {
  view: ViewName;
  id?: string;
  query: Readonly<Record<string, string>>;
}

/** Reads a route from an address's fragment; an unknown view is the overview. */
export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view = "", ...rest] = path.split("/");
  if (!isView(view)) return { view: "overview", query: {} };
  const id = decoded(rest.join("/"));
  const options = [...new URLSearchParams(query)].filter(([, value]) => value !== "");
  return { view, ...(id && { id }), query: Object.fromEntries(options) };
}

/** Makes the link to a view; options that are undefined or empty are left out. */
export function linkTo(view: ViewName, id?: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []));
  const options = new URLSearchParams(given).toString();
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ""}${options && `?${options}`}`;
}

/** Makes the link to a route with some of its options changed; undefined takes one away. */
export const linkWith = ({ view, id, query }: Route, changes: Record<string, string | undefined>): string =>
  linkTo(view, id, { ...query, ...changes });

/** The route that the address names now. */
export const route = signal<Route>(routeOf(location.hash));

/** Takes up the address as it is now: the browser says nothing where a script has replaced it. */
export function followAddress(): void {
  route.value = routeOf(location.hash);
}
addEventListener("hashchange", followAddress);

/** Goes to a link of the page. */
export const go = (link: string): void => location.assign(link);

function isView(text: string): text is ViewName {
  return Object.hasOwn(VIEWS, text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
