// The connections: how each sender proves itself, what came last, and how to set one up.
import type { Route } from "../data/route.ts";
import { Head } from "../parts/basics.tsx";

export default function Connections(_: { route: Route }) {
  return <Head title="Connections" />;
}
