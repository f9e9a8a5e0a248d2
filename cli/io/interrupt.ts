// Ctrl-C as a promise: a command can stop what it started before the process ends with exit code 130.

/** A single Ctrl-C may arrive several times within this span: from the terminal, from npm and from bin.mjs. */
const ONE_PRESS_MS = 1_000;

/** Runs `work` with a promise that resolves (to nothing) at SIGINT, SIGTERM or SIGHUP. A second press ends at once. */
export async function untilInterrupted(
  work: (interrupted: Promise<undefined>) => Promise<void>,
): Promise<void> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let interrupt = () => {};
  let first: number | undefined;
  const interrupted = new Promise<undefined>((resolve) => {
    interrupt = () => {
      first ??= Date.now();
      // The exit handler of children.ts runs here too.
      if (Date.now() - first > ONE_PRESS_MS) process.exit(130);
      resolve(undefined);
    };
  });
  for (const signal of signals) process.on(signal, interrupt);
  try {
    await work(interrupted);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
    if (first !== undefined) process.exit(130);
  }
}
