// What a stranger's page tries (stranger.test.ts serves it): all that a browser lets any page do without being asked.
/* global document, Image, WebSocket, window */

/** Of these addresses, those that the page could read or show. */
window.readable = async (urls) => {
  const read = async (url) => {
    const text = await fetch(url).then(
      (answer) => answer.text(),
      () => null,
    );
    const isShown = await new Promise((resolve) => {
      const picture = new Image();
      picture.onload = () => resolve(true);
      picture.onerror = () => resolve(false);
      picture.src = url;
    });
    return text === null && !isShown ? [] : [url];
  };
  return (await Promise.all(urls.map(read))).flat();
};

/** Posts as a text without CORS, as JSON with it, and by a form in a frame. */
window.post = async (url, body) => {
  const json = { "content-type": "application/json" };
  await fetch(url, { method: "POST", mode: "no-cors", body }).catch(() => {});
  await fetch(url, { method: "POST", headers: json, body }).catch(() => {});
  const frame = document.createElement("iframe");
  frame.name = "sink";
  document.body.append(frame);
  const form = document.body.appendChild(document.createElement("form"));
  Object.assign(form, { action: url, method: "POST", enctype: "text/plain", target: "sink" });
  // A form writes name=value: the sign comes to stand within the last text.
  const at = body.lastIndexOf('"');
  const field = document.createElement("input");
  Object.assign(field, { name: body.slice(0, at), value: body.slice(at) });
  form.append(field);
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  form.submit();
  await loaded;
  frame.remove();
  form.remove();
};

/** Of these addresses, those where a WebSocket opened. */
window.openable = async (urls) => {
  const open = (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve([url]);
      socket.onerror = () => resolve([]);
    });
  return (await Promise.all(urls.map(open))).flat();
};
