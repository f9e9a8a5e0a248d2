// A form that calls the API: it shows a refusal where it stands, with what was expected and what to do next.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { WeirClient } from "../../src/client/client.ts";
import { api, problemOf, sentenceOf } from "../data/client.ts";
import { refresh } from "../data/queries.ts";
import { Facts } from "./basics.tsx";

interface FormProps<T> {
  /** Name of the button that sends it. */
  submit: string;
  run: (api: WeirClient, values: FormData) => Promise<T>;
  onDone: (answer: T) => void;
  onClose?: () => void;
  danger?: boolean;
  isReady?: boolean;
  /** A question changes nothing: what is shown stays as it is. */
  isQuestion?: boolean;
  onInput?: (values: FormData) => void;
  children: ComponentChildren;
}

export function Form<T>(props: FormProps<T>) {
  const { submit, run, onDone, onClose, danger, isReady = true, isQuestion, onInput, children } = props;
  const [isBusy, setBusy] = useState(false);
  const [refused, refuse] = useState<unknown>();
  const send = async (values: FormData) => {
    setBusy(true);
    refuse(undefined);
    try {
      onDone(await run(api(), values));
      if (!isQuestion) refresh();
    } catch (error) {
      refuse(error);
    }
    setBusy(false);
  };
  return (
    <form
      class="form"
      onInput={(event) => onInput?.(new FormData(event.currentTarget))}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && !isBusy) void send(new FormData(event.currentTarget));
      }}
    >
      {children}
      {refused !== undefined && <Refused error={refused} />}
      <p class="buttons">
        {onClose && (
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        )}
        <button type="submit" class={danger ? "danger" : "main"} disabled={!isReady || isBusy}>
          {isBusy ? "On its way…" : submit}
        </button>
      </p>
    </form>
  );
}

/** Why a call was refused: what, where, what was expected, what next. */
export function Refused({ error }: { error: unknown }) {
  const problem = problemOf(error);
  const { where, expected, next } = problem ?? {};
  return (
    <div class="failure" role="alert">
      <p>{problem?.detail ?? sentenceOf(error)}</p>
      {(where ?? expected ?? next) && <Facts of={{ where, expected, next }} />}
    </div>
  );
}

/** A text of a form; undefined where it is empty. */
export function textIn(values: FormData, name: string): string | undefined {
  const text = String(values.get(name) ?? "").trim();
  return text === "" ? undefined : text;
}
