// The frame of the page: the navigation at its side, the bar on top, and the view that the address names.
import { useEffect } from "preact/hooks";
import { useCaller } from "../data/caller.ts";
import { sentenceOf, statusOf } from "../data/client.ts";
import { followChanges } from "../data/live.ts";
import { questions, refresh, useAnswer } from "../data/queries.ts";
import { route, VIEWS } from "../data/route.ts";
import { dropKey, key } from "../data/session.ts";
import { Toasts } from "../parts/toasts.tsx";
import { LineageBeside } from "../views/lineage.tsx";
import { Bar } from "./bar.tsx";
import { followKeyboard } from "./keyboard.ts";
import { Navigation } from "./navigation.tsx";
import { Palette } from "./palette.tsx";
import { SignIn } from "./sign-in.tsx";
import { ViewOf } from "./view-of.tsx";

export function App() {
  const held = key.value;
  return held === null ? <SignIn /> : <Frame key={held} />;
}

function Frame() {
  const { view, id } = route.value;
  const whoami = useAnswer(["whoami"], (api, signal) => api.whoAmI({ signal }), { topics: ["keys"] });
  useCaller();
  useEffect(() => {
    const until = new AbortController();
    followChanges(refresh, until.signal);
    const stop = followKeyboard();
    const seen = () => !document.hidden && refresh();
    document.addEventListener("visibilitychange", seen);
    return () => {
      until.abort();
      stop();
      document.removeEventListener("visibilitychange", seen);
      questions.clear();
    };
  }, []);
  useEffect(() => {
    document.title = `${id ? `${id} · ` : ""}${VIEWS[view]} · Weir`;
  }, [view, id]);
  const refused = whoami.error;
  // Status 401 for an unknown key, 403 for one that may not read: both need another key.
  if (refused && [401, 403].includes(statusOf(refused) ?? 0))
    return <SignIn why={sentenceOf(refused)} onTry={dropKey} />;
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the content
      </button>
      <Navigation />
      <Bar />
      <main id="content" tabIndex={-1}>
        <ViewOf route={route.value} />
      </main>
      <LineageBeside />
      <Palette />
      <Toasts />
    </div>
  );
}
