// Ctrl-C, told as a promise: whoever waits can stop what it started, then the exit code is 130.

/** Runs `work` with a promise that resolves (to nothing) at SIGINT, SIGTERM or SIGHUP. A second one ends at once. */
export async function untilInterrupted(
  work: (interrupted: Promise<undefined>) => Promise<void>,
): Promise<void> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  let interrupt = () => {};
  let times = 0;
  const interrupted = new Promise<undefined>((resolve) => {
    interrupt = () => {
      times++;
      // The children's guard in children.ts runs at this exit too.
      if (times > 1) process.exit(130);
      resolve(undefined);
    };
  });
  for (const signal of signals) process.on(signal, interrupt);
  try {
    await work(interrupted);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
    if (times > 0) process.exit(130);
  }
}
