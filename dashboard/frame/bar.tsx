// The bar on top: the box that finds a file, how live the page is, the key, and the ways in by keyboard.
import { useCaller } from "../data/caller.ts";
import { type Liveness, lastHeard, liveness } from "../data/live.ts";
import { go, linkTo, route } from "../data/route.ts";
import { forgetKey } from "../data/session.ts";
import { GatedButton } from "../parts/gated.tsx";
import { filesToUpload, isHelpOpen, isPaletteOpen } from "./open.ts";

const WORDS: Record<Liveness, string> = {
  connecting: "Connecting",
  live: "Live",
  polling: "Not live: asks every 3 s",
  away: "Not live: Weir does not answer",
};

export function Bar() {
  const caller = useCaller();
  const { view, query } = route.value;
  const state = liveness.value;
  const since = lastHeard.value ? `last heard ${lastHeard.value.toLocaleTimeString("en-GB")}` : "";
  return (
    <header class="bar">
      <form
        role="search"
        aria-label="Where is my file?"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get("q");
          go(linkTo("find", undefined, { q: String(text ?? "").trim() }));
        }}
      >
        <input
          id="find"
          name="q"
          type="search"
          autocomplete="off"
          placeholder="Where is my file? A key, a prefix or an id"
          aria-label="Where is my file?"
          value={view === "find" ? (query.q ?? "") : ""}
        />
      </form>
      <p id="state" data-state={state} title={since} role="status">
        {WORDS[state]}
      </p>
      <GatedButton label="Upload" scope="operate" onClick={() => (filesToUpload.value = [])} />
      <button type="button" onClick={() => (isPaletteOpen.value = true)} aria-keyshortcuts="Control+K">
        Commands
      </button>
      <button type="button" class="bare" aria-label="Help" onClick={() => (isHelpOpen.value = true)}>
        ?
      </button>
      <details class="who">
        <summary>Key {caller?.name ?? "…"}</summary>
        <div class="menu">
          {caller && <p>{mayText(caller)}</p>}
          <button type="button" onClick={forgetKey}>
            Forget key
          </button>
        </div>
      </details>
    </header>
  );
}

const SCOPES = ["read", "search", "invoke", "operate", "deploy"] as const;

/** The name of the key and its scopes, granted and missing. */
function mayText({ name, scopes, expires_at }: NonNullable<ReturnType<typeof useCaller>>): string {
  // What may read may search.
  const held = scopes.includes("read") ? [...scopes, "search"] : scopes;
  const missing = SCOPES.filter((scope) => !held.some((granted) => granted === scope));
  const until = expires_at === null ? "" : `, until ${expires_at}`;
  const not = missing.length > 0 ? ` and may not ${missing.join(", ")}` : "";
  return `You look with the key ${name}, which may ${scopes.join(", ")}${not}${until}.`;
}
