// Loaded into a process that must not outlive the one that started it (children.ts, bin.mjs): a pipe from that
// one is open for as long as it lives, however it ends. Then everything in this process's group ends too.
import { Socket } from "node:net";

const { WEIR_GUARD_FD } = process.env;
if (WEIR_GUARD_FD !== undefined) {
  // Processes that this one starts inherit the preload, and have no such pipe.
  delete process.env.WEIR_GUARD_FD;
  new Socket({ fd: Number(WEIR_GUARD_FD), readable: true, writable: false })
    .on("error", () => {})
    .on("close", () => {
      try {
        process.kill(-process.pid, "SIGKILL");
      } catch {
        // It leads no group: it ends alone, and by that ends those that it guards.
        process.kill(process.pid, "SIGKILL");
      }
    })
    .resume()
    .unref();
}
