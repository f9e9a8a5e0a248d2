// The overview: how much passes through, how soon it can be found, what fails, what waits, and what it costs.
import type { Route } from "../data/route.ts";
import { Head } from "../parts/basics.tsx";

export default function Overview(_: { route: Route }) {
  return <Head title="Overview" />;
}
