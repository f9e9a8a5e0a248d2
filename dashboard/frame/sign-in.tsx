// The form that asks for a key, and says why where the page had one.
import { useEffect, useRef, useState } from "preact/hooks";
import { keepKey } from "../data/session.ts";

/** `why`: why the key that the page had does not do. */
export function SignIn({ why }: { why: string }) {
  const box = useRef<HTMLInputElement>(null);
  const [closed, setClosed] = useState<string>();
  useEffect(() => {
    box.current?.focus();
    void closedBecause().then(setClosed);
  }, []);
  if (closed !== undefined)
    return (
      <main class="sign-in">
        <h1>Nothing to show</h1>
        <p role="alert">{closed}</p>
      </main>
    );
  return (
    <main class="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = box.current?.value.trim() ?? "";
          if (given !== "") keepKey(given);
        }}
      >
        <h1>API key</h1>
        <p>
          What this page shows and does, it shows and does with a key. To look around, one that can only read
          is enough: <code>weir keys create --name page --scope read</code>. Locally <code>weir open</code>{" "}
          opens the page with one, and the line <code>WEIR_API_KEY</code> of <code>.weir/dev.env</code> does
          everything.
        </p>
        <label for="key">Key</label>
        <div class="row">
          <input id="key" ref={box} type="password" autocomplete="off" spellcheck={false} required />
          <button type="submit">Open</button>
        </div>
        <p role="alert">{why}</p>
        <p class="quiet">It stays in this browser's open tabs, until you close them or forget it.</p>
      </form>
    </main>
  );
}

/** Why nobody can look at all: a Weir without keys says so to whoever comes. */
async function closedBecause(): Promise<string | undefined> {
  const response = await fetch("/v1/whoami").catch(() => undefined);
  if (!response || response.status === 401) return undefined;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; next?: string };
  return problem.detail && [problem.detail, problem.next].filter(Boolean).join(". Next: ");
}
