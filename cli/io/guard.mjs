// Preload for a child that must not outlive its parent (children.ts, bin.mjs). The parent holds a pipe open while it
// lives; when the pipe closes, this file kills the child and its whole process group.
import { Socket } from "node:net";

const { WEIR_GUARD_FD } = process.env;
if (WEIR_GUARD_FD !== undefined) {
  // Processes started from here inherit the preload but not the pipe.
  delete process.env.WEIR_GUARD_FD;
  new Socket({ fd: Number(WEIR_GUARD_FD), readable: true, writable: false })
    .on("error", () => {})
    .on("close", () => {
      try {
        process.kill(-process.pid, "SIGKILL");
      } catch {
        // Without a group of its own the process ends alone; its own children notice by their pipes.
        process.kill(process.pid, "SIGKILL");
      }
    })
    .resume()
    .unref();
}
