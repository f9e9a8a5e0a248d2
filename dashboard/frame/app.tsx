// The frame of the page: the navigation at its side, the bar on top, and the view that the address names.
import { useEffect } from "preact/hooks";
import { may } from "../data/caller.ts";
import { sentenceOf, statusOf } from "../data/client.ts";
import { followChanges } from "../data/live.ts";
import { questions, refresh, useAnswer } from "../data/queries.ts";
import { route, VIEWS } from "../data/route.ts";
import { key, refusal, refuseKey } from "../data/session.ts";
import { Toasts } from "../parts/toasts.tsx";
import { LineageBeside } from "../views/lineage.tsx";
import { Bar } from "./bar.tsx";
import { followKeyboard } from "./keyboard.ts";
import { Navigation } from "./navigation.tsx";
import { Palette } from "./palette.tsx";
import { SignIn } from "./sign-in.tsx";
import { Uploads } from "./uploads.tsx";
import { ViewOf } from "./view-of.tsx";

export function App() {
  const held = key.value;
  return held === null ? <SignIn why={refusal.value} /> : <Frame key={held} />;
}

function Frame() {
  const { view, id } = route.value;
  const whoami = useAnswer(["whoami"], (api, signal) => api.whoAmI({ signal }), { topics: ["keys"] });
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
  const { data: caller, error } = whoami;
  useEffect(() => {
    // Status 401 for an unknown key, 403 for one that was revoked: both need another key.
    if (error && [401, 403].includes(statusOf(error) ?? 0)) refuseKey(sentenceOf(error));
    if (caller && !may(caller, "read"))
      refuseKey(`The key ${caller.name} may ${caller.scopes.join(", ")}, and not read.`);
  }, [caller, error]);
  useEffect(() => {
    document.title = `${id ? `${id} · ` : ""}${VIEWS[view]} · Weir`;
  }, [view, id]);
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
      <Uploads />
      <Toasts />
    </div>
  );
}
