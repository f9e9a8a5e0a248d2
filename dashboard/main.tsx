// The page: finds its key, then draws itself and follows what changes.
import { QueryClientProvider } from "@tanstack/preact-query";
import { render } from "preact";
import { questions } from "./data/queries.ts";
import { openSession, takeKeyFromAddress } from "./data/session.ts";
import { App } from "./frame/app.tsx";

addEventListener("hashchange", () => void takeKeyFromAddress());
await openSession();
const place = document.getElementById("page");
if (place)
  render(
    <QueryClientProvider client={questions}>
      <App />
    </QueryClientProvider>,
    place,
  );
