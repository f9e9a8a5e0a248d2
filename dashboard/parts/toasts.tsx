// Short messages of what was done, with a way back where there is one.
import { signal } from "@preact/signals";

interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
  undo?: { label: string; run: () => void };
}

const SHOWN_MS = 7000;
const toasts = signal<readonly Toast[]>([]);
let count = 0;

/** Says something for a few seconds. What went wrong stays until it is closed. */
export function say(text: string, tone: Toast["tone"] = "good", undo?: Toast["undo"]): void {
  const toast: Toast = { id: ++count, text, tone, ...(undo && { undo }) };
  toasts.value = [...toasts.value, toast];
  if (tone === "good") setTimeout(() => close(toast.id), SHOWN_MS);
}

const close = (id: number) => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text, tone, undo }) => (
      <p key={id} data-tone={tone}>
        <span>{text}</span>
        {undo && (
          <button
            type="button"
            onClick={() => {
              close(id);
              undo.run();
            }}
          >
            {undo.label}
          </button>
        )}
        <button type="button" class="bare" aria-label="Close this message" onClick={() => close(id)}>
          ×
        </button>
      </p>
    ))}
  </div>
);
