// Where is my file: what happened to the objects that a key, a prefix or an id names.
import type { Route } from "../data/route.ts";
import { Head } from "../parts/basics.tsx";

export default function Find(_: { route: Route }) {
  return <Head title="Find" />;
}
