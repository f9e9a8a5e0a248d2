// An address that is known before what it stands for has started: the Workers must be told where they are
// reached. Hands requests on as they come, host and all.
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A request is answered 503, or not at all, or with what was read well before it is handed over. */
export type NetworkFault = "refused" | "cut off" | "held up";
/** Longer than it takes a queue to deliver: what is told meanwhile can be done first. */
export const HELD_UP_MS = 2_000;

export interface Front {
  origin: string;
  /** Asked about each request's path; returns what goes wrong with it, if anything. */
  faults?: (path: string) => NetworkFault | undefined;
  /** Where requests go from now on. */
  leadTo(origin: string): void;
  close(): Promise<void>;
}

export async function openFront(): Promise<Front> {
  let target: URL | undefined;
  const front: Pick<Front, "faults"> = {};
  const server = createServer((incoming, answer) => {
    if (!target) return void answer.writeHead(503).end();
    const { method, url, headers } = incoming;
    const { hostname, port } = target;
    const fault = front.faults?.(url ?? "");
    if (fault === "refused") return void answer.writeHead(503).end();
    if (fault === "cut off") return void answer.destroy();
    const onward = request({ hostname, port, path: url, method, headers }, (response) => {
      response.on("error", () => answer.destroy());
      const handOver = () => response.pipe(answer.writeHead(response.statusCode ?? 502, response.headers));
      if (fault === "held up") setTimeout(handOver, HELD_UP_MS);
      else handOver();
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(front, {
    origin: `http://127.0.0.1:${port}`,
    leadTo: (origin: string) => {
      target = new URL(origin);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
