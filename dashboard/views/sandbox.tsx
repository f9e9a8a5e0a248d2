// The filter sandbox: a filter is tried on recent events and over history before it is deployed.
import type { Route } from "../data/route.ts";
import { Head } from "../parts/basics.tsx";

export default function Sandbox(_: { route: Route }) {
  return <Head title="Sandbox" />;
}
