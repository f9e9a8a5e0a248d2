// Something to do: a button that shows why it cannot be used, asks before it does what cannot be taken back, says what
// came of it, and offers the way back where there is one.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { WeirClient } from "../../src/client/client.ts";
import type { KeyScope } from "../data/caller.ts";
import { api, sentenceOf } from "../data/client.ts";
import { refresh } from "../data/queries.ts";
import { Dialog } from "./dialog.tsx";
import { GatedButton } from "./gated.tsx";
import { say } from "./toasts.tsx";

interface Question {
  title: string;
  /** What will happen, in numbers where they are known. */
  text: ComponentChildren;
  /** A word that has to be typed first, for what cannot be taken back. */
  word?: string;
  /** A reason is asked for, which the audit log keeps. */
  reason?: boolean;
}

interface ActProps<T> {
  label: string;
  scope: KeyScope;
  run: (api: WeirClient, reason: string) => Promise<T>;
  /** What is said when it is done. */
  says: (answer: T) => string;
  confirm?: Question;
  undo?: { label: string; run: (api: WeirClient, answer: T) => Promise<unknown>; says: string };
  danger?: boolean;
  disabled?: string | undefined;
}

/** Does something, and says what came of it; answers whether it was done. */
async function perform<T>(run: () => Promise<T>, says: (answer: T) => void): Promise<boolean> {
  try {
    says(await run());
    refresh();
    return true;
  } catch (error) {
    say(sentenceOf(error), "bad");
    return false;
  }
}

export function Act<T>({ label, scope, run, says, confirm, undo, danger, disabled }: ActProps<T>) {
  const [isOpen, open] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const wayBack = (answer: T) =>
    undo && {
      label: undo.label,
      run: () =>
        void perform(
          () => undo.run(api(), answer),
          () => say(undo.says),
        ),
    };
  const go = async (reason: string) => {
    setBusy(true);
    await perform(
      () => run(api(), reason),
      (answer) => say(says(answer), "good", wayBack(answer)),
    );
    setBusy(false);
    open(false);
  };
  return (
    <>
      <GatedButton
        {...{ label, scope, danger, isBusy, disabled }}
        onClick={() => void (confirm ? open(true) : go(""))}
      />
      {isOpen && confirm && (
        <Confirm question={confirm} label={label} isBusy={isBusy} onGo={go} onClose={() => open(false)} />
      )}
    </>
  );
}

interface ConfirmProps {
  question: Question;
  label: string;
  isBusy: boolean;
  onGo: (reason: string) => Promise<void>;
  onClose: () => void;
}

function Confirm({ question, label, isBusy, onGo, onClose }: ConfirmProps) {
  const [word, setWord] = useState("");
  const [reason, setReason] = useState("");
  const isReady = (!question.word || word === question.word) && (!question.reason || reason.trim() !== "");
  return (
    <Dialog title={question.title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !isBusy) void onGo(reason.trim());
        }}
      >
        <p>{question.text}</p>
        {question.reason && (
          <label>
            Reason, for the audit log
            <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
        )}
        {question.word && (
          <label>
            Type {question.word}
            <input value={word} autocomplete="off" onInput={(event) => setWord(event.currentTarget.value)} />
          </label>
        )}
        <p class="buttons">
          <button type="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="danger" disabled={!isReady || isBusy}>
            {isBusy ? "Doing it…" : label}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
