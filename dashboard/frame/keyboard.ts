// The keyboard: `/` to the box that searches what is shown, `j` and `k` through the rows, `?` for help, Control+K for
// commands, Escape out of what is open beside a list.
import { go, linkWith, route } from "../data/route.ts";
import { isHelpOpen, isPaletteOpen } from "./open.ts";

/** Options of a route that open something beside what it shows, the topmost first. */
const BESIDE = ["play", "item"] as const;

/** Follows the keys until the answered function is called. */
export function followKeyboard(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      isPaletteOpen.value = true;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (act(event.key)) event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** Does what a key stands for; answers whether it stands for anything. */
function act(name: string): boolean {
  switch (name) {
    case "/":
      return focusOn(document.querySelector("main input[type=search]") ?? document.querySelector("#find"));
    case "?":
      isHelpOpen.value = true;
      return true;
    case "j":
      return moveBy(1);
    case "k":
      return moveBy(-1);
    case "Escape":
      return closeBeside();
    default:
      return false;
  }
}

function focusOn(box: HTMLInputElement | null): boolean {
  box?.focus();
  box?.select();
  return box !== null;
}

/** Moves the focus to the next or previous row of the list that it is in, or to the first. */
function moveBy(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")].sort(
    (a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top,
  );
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = at === -1 ? rows[0] : rows[at + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return rows.length > 0;
}

function closeBeside(): boolean {
  const open = BESIDE.find((name) => route.value.query[name] !== undefined);
  if (open === undefined) return false;
  go(linkWith(route.value, { [open]: undefined, ...(open === "item" && { collection: undefined }) }));
  return true;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
