// Making an API key and putting one in the place of another: the forms, and the key itself, which is shown once.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { ApiKey, NewApiKey } from "../../src/client/client.ts";
import { type KeyScope, may, useCaller } from "../data/caller.ts";
import { copyText } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Form, textIn } from "../parts/form.tsx";
import { Opener } from "../parts/gated.tsx";

const SCOPES: Record<KeyScope, string> = {
  read: "see everything, and search",
  search: "search collections, and nothing else",
  invoke: "run pipelines by name",
  operate: "replay, redrive, pause, upload",
  deploy: "keys, erasures, the ledger's growth",
};
const DAY_S = 86_400;
const OVERLAPS: readonly [string, number][] = [
  ["a day", DAY_S],
  ["an hour", 3600],
  ["a week", 7 * DAY_S],
  ["no time: it ends at once", 0],
];
const LIVES: readonly [string, string][] = [
  ["never", ""],
  ["in a day", "1"],
  ["in a week", "7"],
  ["in 30 days", "30"],
  ["in 90 days", "90"],
  ["in a year", "365"],
];

const fresh = signal<NewApiKey | undefined>(undefined);

export const CreateKey = () => (
  <Opener label="Create a key" title="Create a key" scope="deploy">
    {(close) => <Creation onClose={close} />}
  </Opener>
);

function Creation({ onClose }: { onClose: () => void }) {
  const caller = useCaller();
  const [chosen, choose] = useState<readonly string[]>(["read"]);
  return (
    <Form
      submit="Create"
      isReady={chosen.length > 0}
      onClose={onClose}
      onInput={(values) => choose(values.getAll("scope").map(String))}
      run={(api, values) =>
        api.createKey({
          name: textIn(values, "name") ?? "",
          scopes: scopesIn(values),
          ...expiryIn(values),
        })
      }
      onDone={(created) => {
        onClose();
        fresh.value = created;
      }}
    >
      <label>
        Name
        <input name="name" required maxLength={100} autocomplete="off" placeholder="who or what uses it" />
      </label>
      <fieldset>
        <legend>It may</legend>
        {(Object.entries(SCOPES) as [KeyScope, string][]).map(([scope, text]) => (
          <label key={scope}>
            <input
              type="checkbox"
              name="scope"
              value={scope}
              defaultChecked={scope === "read"}
              disabled={!may(caller, scope)}
            />{" "}
            {scope}{" "}
            <span class="quiet">
              {text}
              {caller &&
                !may(caller, scope) &&
                `: the key ${caller.name} lacks it, and gives no more than it has`}
            </span>
          </label>
        ))}
      </fieldset>
      <label>
        Ends
        <select name="days">
          {LIVES.map(([text, days]) => (
            <option key={days} value={days}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </Form>
  );
}

const scopesIn = (values: FormData): KeyScope[] =>
  (Object.keys(SCOPES) as KeyScope[]).filter((scope) => values.getAll("scope").includes(scope));

function expiryIn(values: FormData): { expires_at?: string } {
  const days = Number(values.get("days"));
  return days > 0 ? { expires_at: new Date(Date.now() + days * DAY_S * 1000).toISOString() } : {};
}

export const RotateKey = ({ of }: { of: ApiKey }) => (
  <Opener label="Rotate" title={`Rotate ${of.name}`} scope="deploy">
    {(close) => <Rotation of={of} onClose={close} />}
  </Opener>
);

function Rotation({ of, onClose }: { of: ApiKey; onClose: () => void }) {
  return (
    <Form
      submit="Rotate"
      onClose={onClose}
      run={(api, values) => api.rotateKey(of.id, { overlap_seconds: Number(values.get("overlap")) })}
      onDone={(created) => {
        onClose();
        fresh.value = created;
      }}
    >
      <p>A new key of the same name and scopes takes its place. Give it to whoever uses the old one.</p>
      <label>
        The old one goes on for
        <select name="overlap">
          {OVERLAPS.map(([text, seconds]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </Form>
  );
}

/** The key itself, which nobody can see again; of the view, as the row that it came from may change meanwhile. */
export function FreshKey() {
  const created = fresh.value;
  if (!created) return null;
  const close = () => {
    fresh.value = undefined;
  };
  return (
    <Dialog title={`The key of ${created.name}`} onClose={close}>
      <p>It may {created.scopes.join(", ")}. It is shown this once: Weir keeps its hash alone.</p>
      <p class="once">
        <code>{created.key}</code>
        <button type="button" class="main" onClick={() => copyText(created.key, "key")}>
          Copy
        </button>
      </p>
      <p class="buttons">
        <button type="button" onClick={close}>
          Done
        </button>
      </p>
    </Dialog>
  );
}
