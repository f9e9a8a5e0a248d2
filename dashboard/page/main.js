// The page's loop: loads and draws the view that the address names, again every two seconds while the page is visible.
// Views only turn data into elements; this file alone reads the time, the address and the key.
import { ApiRefusal, key, look, reader } from "./api.js";
import { h, morph } from "./dom.js";
import { eventsView, loadEvents } from "./events.js";
import { collectionView, lineageView, loadCollection, loadLineage } from "./items.js";
import { deadLettersView, loadDeadLetters, loadRejections, rejectionsView } from "./ledger.js";
import { show } from "./media.js";
import { loadOverview, overviewView } from "./overview.js";
import { loadReplays, replaysView } from "./replays.js";
import { linkTo, routeOf, VIEWS } from "./route.js";
import { withCondition } from "./search.js";

const REFRESH_MS = 2000;
const RETRY_MS = 5000;

/** @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
const part = (id) => /** @type {T} */ (document.getElementById(id));
const nav = part("nav");
const state = part("state");
const trouble = part("trouble");
const content = part("content");
const forget = part("forget");

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let current = new AbortController();
/** The view that is drawn now: a route's address, `key` for the key's form, or `nothing` yet. */
let shown = "nothing";

async function refresh() {
  clearTimeout(timer);
  current.abort();
  const mine = new AbortController();
  current = mine;
  const hash = location.hash;
  let wait = REFRESH_MS;
  const route = routeOf(hash);
  if (key.read()) morph(nav, h("nav", {}, ...links(route)));
  try {
    const drawn = await draw(reader(mine.signal), route);
    if (mine.signal.aborted) return;
    if (shown === "key" || shown === "nothing") content.replaceChildren();
    morph(content, drawn);
    say("");
    state.textContent = `Live, ${new Date().toLocaleTimeString("en-GB")}`;
    shown = hash;
    forget.hidden = false;
  } catch (error) {
    if (mine.signal.aborted) return;
    // Status 401 for an unknown key, 403 for one that may not read: both need another key.
    if (error instanceof ApiRefusal && (error.status === 401 || error.status === 403))
      return askForKey(key.read() ? error.message : "");
    wait = RETRY_MS;
    state.textContent = "Not live";
    const why = error instanceof ApiRefusal ? error.message : `This page is at fault: ${error}`;
    if (!(error instanceof ApiRefusal)) console.error(error);
    // A view that is drawn stays, below the message; without one the message stands alone.
    if (shown === hash) say(why);
    else {
      shown = "nothing";
      content.replaceChildren(
        h("section", { class: "sign-in" }, h("h2", {}, "Nothing to show"), h("p", {}, why)),
      );
    }
  }
  if (!document.hidden) timer = setTimeout(refresh, wait);
}

/**
 * @param {import("./api.js").Read} read
 * @param {import("./route.js").Route} route
 */
async function draw(read, route) {
  const overview = await loadOverview(read);
  const [view, lineage] = await Promise.all([
    viewOf(read, route, overview).catch(missing),
    loadLineage(read, route)
      .then((open) => open && lineageView(open, route, new Date()))
      .catch(missing),
  ]);
  return h("div", {}, overviewView(overview), view, lineage);
}

/**
 * Draws, in place of a view, that its subject does not exist; throws any other error again.
 * @param {unknown} error
 */
function missing(error) {
  if (error instanceof ApiRefusal && (error.status === 404 || error.status === 400))
    return h("p", { class: "empty", key: "missing" }, error.message);
  throw error;
}

/**
 * @param {import("./api.js").Read} read
 * @param {import("./route.js").Route} route
 * @param {import("./overview.js").Overview} overview
 */
async function viewOf(read, route, overview) {
  const now = new Date();
  switch (route.view) {
    case "events":
      return eventsView(await loadEvents(read, route, overview), route, overview, now);
    case "collections":
      return collectionView(await loadCollection(read, route, overview), route);
    case "replays":
      return replaysView(await loadReplays(read, route), route, now);
    case "dead-letters":
      return deadLettersView(await loadDeadLetters(read, route), route, now);
    case "rejections":
      return rejectionsView(await loadRejections(read, route), route, now);
  }
}

/** @param {import("./route.js").Route} route */
const links = (route) =>
  Object.entries(VIEWS).map(([name, title]) => {
    const view = /** @type {import("./route.js").View} */ (name);
    return h("a", { href: linkTo({ view }), "aria-current": view === route.view && "page" }, title);
  });

/** @param {string} why */
function askForKey(why) {
  key.forget();
  say("");
  state.textContent = "";
  forget.hidden = true;
  nav.replaceChildren();
  if (shown !== "key") showForm();
  shown = "key";
  const alert = content.querySelector('[role="alert"]');
  if (alert) alert.textContent = why;
  const input = /** @type {HTMLInputElement} */ (part("key"));
  input.focus();
  input.select();
}

function showForm() {
  content.replaceChildren(/** @type {HTMLTemplateElement} */ (part("sign-in")).content.cloneNode(true));
  const input = /** @type {HTMLInputElement} */ (part("key"));
  content.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    key.keep(input.value.trim());
    void refresh();
  });
}

/**
 * A number where the text is one, as JSON has it; else the text.
 * @param {string} text
 */
const valueIn = (text) =>
  /^-?\d+(\.\d+)?$/.test(text) || /^(true|false)$/.test(text) ? JSON.parse(text) : text;

/** @param {string} text */
function say(text) {
  if (trouble.textContent !== text) trouble.textContent = text;
  trouble.hidden = text === "";
}

forget.addEventListener("click", () => {
  current.abort();
  clearTimeout(timer);
  askForKey("");
});
addEventListener("click", async ({ target }) => {
  const name = target instanceof HTMLElement && target.dataset.show;
  if (!name) return;
  try {
    await show(look, name);
  } catch (error) {
    return say(error instanceof ApiRefusal ? error.message : `This page is at fault: ${error}`);
  }
  void refresh();
});
addEventListener("hashchange", () => {
  key.takeFromAddress();
  void refresh();
});
addEventListener("submit", (event) => {
  const form = event.target instanceof HTMLFormElement ? event.target : undefined;
  const collection = form?.dataset.search;
  if (!form || collection === undefined) return;
  event.preventDefault();
  const given = new FormData(form);
  const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
  const { q: _q, like: _like, cursor: _cursor, play: _play, ...here } = routeOf(location.hash);
  const asks = { ...here, id: collection, ...(text("words") && { q: text("words") }) };
  // `data.speaker=anna`: a name, and the value that it must have.
  const [, name, value] = /^([^=\s]+)\s*=\s*(.+)$/.exec(text("condition")) ?? [];
  location.hash = linkTo(name ? withCondition(asks, name, valueIn(value ?? "")) : asks);
  form.reset();
});
addEventListener("keydown", (event) => {
  const { item, collection: _collection, play, ...closed } = routeOf(location.hash);
  const isTyping = event.target instanceof HTMLInputElement;
  if (event.key === "Escape" && (item !== undefined || play !== undefined)) location.hash = linkTo(closed);
  if (event.key !== "/" || isTyping) return;
  const box = document.getElementById("words");
  if (!(box instanceof HTMLInputElement)) return;
  event.preventDefault();
  box.focus();
  box.select();
});
addEventListener("online", () => void refresh());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else void refresh();
});

key.takeFromAddress();
void refresh();
