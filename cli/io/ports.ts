// Free TCP ports of this machine.
import { once } from "node:events";
import { createServer } from "node:net";

/** Whether no process listens on a port. */
export const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );

/** Finds a port on which no process listens now. */
export const freePort = () => listenOnce(0);

/** Keeps a free port from everybody else until the returned function is called. Whoever calls it is hung up on. */
export async function holdPort(port: number): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  await once(server, "listening");
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
