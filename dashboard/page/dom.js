// Makes elements, and turns the elements on the page into new ones with the fewest changes, so that focus, scroll and
// opened details stay. Strings become text nodes only: nothing here ever parses markup.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | undefined>} Attributes */

/**
 * Makes an element. Attributes that are false or undefined are left out; `key` names it among its siblings.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name === "key" ? "data-key" : name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * Sets CSS custom properties: through the object model, since the page's policy refuses style attributes.
 * @param {HTMLElement} element
 * @param {Record<string, string>} properties
 */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/**
 * Makes the children of `into` those of `next`, keeping every node that is the same by key, or by place and tag.
 * @param {Element} into
 * @param {Element} next
 */
export function morph(into, next) {
  const nextKeys = new Set([...next.children].map(keyOf));
  for (const child of [...into.children]) {
    const key = keyOf(child);
    if (key !== null && !nextKeys.has(key)) child.remove();
  }
  const keyed = new Map([...into.children].map((child) => [keyOf(child), child]));
  let place = into.firstChild;
  for (const fresh of [...next.childNodes]) {
    const key = keyOf(fresh);
    const same = key === null ? place && isLike(place, fresh) && place : keyed.get(key);
    if (!same) {
      into.insertBefore(fresh, place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else into.insertBefore(same, place);
    update(same, fresh);
  }
  while (place) {
    const rest = place;
    place = place.nextSibling;
    rest.remove();
  }
}

/** @param {Node} node */
const keyOf = (node) => (node instanceof Element ? node.getAttribute("data-key") : null);

/** @param {Node} a @param {Node} b */
const isLike = (a, b) => keyOf(a) === null && a.nodeName === b.nodeName;

/** @param {Node} node @param {Node} fresh */
function update(node, fresh) {
  if (node instanceof Text && node.data !== fresh.textContent) node.data = fresh.textContent ?? "";
  if (!(node instanceof HTMLElement && fresh instanceof HTMLElement)) return;
  // The reader opens and closes details: `open` stays as it is.
  const names = new Set([...node.getAttributeNames(), ...fresh.getAttributeNames()]);
  for (const name of names) {
    if (name === "open" || name === "style") continue;
    const value = fresh.getAttribute(name);
    if (value === null) node.removeAttribute(name);
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  if (node.style.cssText !== fresh.style.cssText) node.style.cssText = fresh.style.cssText;
  morph(node, fresh);
}
