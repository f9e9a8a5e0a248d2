// The navigation: the views in groups, with what waits for somebody beside their names.
import { useAnswer } from "../data/queries.ts";
import { linkTo, route, VIEWS, type ViewName } from "../data/route.ts";

const GROUPS: readonly { title: string; views: readonly ViewName[] }[] = [
  { title: "Look", views: ["overview", "find", "events", "runs"] },
  { title: "Results", views: ["collections"] },
  { title: "Work", views: ["pipelines", "sandbox", "replays", "dead-letters"] },
  { title: "Doors", views: ["connections", "rejections", "keys", "audit"] },
];

export function Navigation() {
  const here = route.value.view;
  const letters = useAnswer(["causes"], (api, signal) => api.listDeadLetterCauses({}, { signal }), {
    topics: ["dead_letters"],
  });
  const waiting = letters.data?.data.reduce((sum, { count }) => sum + count, 0) ?? 0;
  return (
    <nav class="navigation" aria-label="Views">
      <a class="brand" href={linkTo("overview")} aria-label="Weir, overview">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M1 4h7v5q0 3 3 3h4" />
        </svg>
        Weir
      </a>
      {GROUPS.map(({ title, views }) => (
        <div key={title} class="group">
          <p class="quiet" id={`views-${title}`}>
            {title}
          </p>
          <ul aria-labelledby={`views-${title}`}>
            {views.map((view) => (
              <li key={view}>
                <a href={linkTo(view)} aria-current={view === here ? "page" : undefined}>
                  {VIEWS[view]}
                  {view === "dead-letters" && waiting > 0 && (
                    <span class="badge" title={`${waiting} wait for somebody`}>
                      {waiting}
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <p class="outside">
        <a href="/docs" target="_blank" rel="noreferrer">
          API reference
        </a>
      </p>
    </nav>
  );
}
