// A button that says why it cannot be used, and a form that opens above the page for who may use it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type KeyScope, useLack } from "../data/caller.ts";
import { Dialog } from "./dialog.tsx";
import { say } from "./toasts.tsx";

interface GatedButtonProps {
  label: string;
  scope: KeyScope;
  onClick: () => void;
  danger?: boolean | undefined;
  isBusy?: boolean;
  /** Why it cannot be used now, whatever the key. */
  disabled?: string | undefined;
}

/** A button for who may do what it does; for others it says what their key lacks. */
export function GatedButton({ label, scope, onClick, danger, isBusy = false, disabled }: GatedButtonProps) {
  const why = useLack(scope) ?? disabled;
  return (
    <button
      type="button"
      class={danger ? "danger" : ""}
      aria-disabled={why !== undefined || isBusy}
      title={why}
      onClick={() => {
        if (why !== undefined) say(`${why}.`, "bad");
        else if (!isBusy) onClick();
      }}
    >
      {label}
    </button>
  );
}

interface OpenerProps {
  label: string;
  title: string;
  scope: KeyScope;
  children: (close: () => void) => ComponentChildren;
}

/** A button that opens a dialog. */
export function Opener({ label, title, scope, children }: OpenerProps) {
  const [isOpen, open] = useState(false);
  const close = () => open(false);
  return (
    <>
      <GatedButton label={label} scope={scope} onClick={() => open(true)} />
      {isOpen && (
        <Dialog title={title} onClose={close}>
          {children(close)}
        </Dialog>
      )}
    </>
  );
}
